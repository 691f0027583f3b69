// One stream and one loop of tools through Anthropic's front, by the official `@anthropic-ai/sdk` package.
import Anthropic from "@anthropic-ai/sdk";
import { api, getWeather, key, question, report, schema, toolQuestion } from "./asked.mjs";

const client = new Anthropic({ baseURL: api, apiKey: key, maxRetries: 0, timeout: 30_000 });

async function messagesStream(model) {
  const messages = [{ role: "user", content: question() }];
  const stream = client.messages.stream({ model, max_tokens: 100, messages });
  const pieces = [];
  stream.on("text", (text) => pieces.push(text));
  const { content, stop_reason: stop, usage } = await stream.finalMessage();
  return { pieces, text: content[0].text, stop, input: usage.input_tokens, output: usage.output_tokens };
}

async function messagesLoop(model) {
  const tools = [{ name: "get_weather", description: "The weather in a city.", input_schema: schema }];
  const messages = [{ role: "user", content: toolQuestion() }];
  const returned = [];
  for (let turn = 0; turn < 4; turn++) {
    const message = await client.messages.create({ model, max_tokens: 500, messages, tools });
    const calls = message.content.filter((block) => block.type === "tool_use");
    if (calls.length === 0) {
      return { text: message.content[0].text, returned };
    }
    const results = calls.map(({ id, input }) => {
      returned.push(getWeather(input));
      return { type: "tool_result", tool_use_id: id, content: returned.at(-1) };
    });
    messages.push({ role: "assistant", content: message.content }, { role: "user", content: results });
  }
  throw new Error("the model calls tools without end");
}

// The SDK's own loop. It wants the server to hold the conversation, unless `thread` is false or the server can't.
async function runner(model, more) {
  const returned = [];
  const run = (asked) => returned[returned.push(getWeather(asked)) - 1];
  const described = { name: "get_weather", description: "The weather in a city.", input_schema: schema };
  const tools = [{ ...described, type: "custom", run, parse: (input) => input }];
  const messages = [{ role: "user", content: toolQuestion() }];
  const message = await client.beta.messages.toolRunner({ model, max_tokens: 500, messages, tools, ...more });
  return { text: message.content[0].text, returned };
}
const messagesRunner = (model) => runner(model, { thread: false });
const messagesRunnerAsItIs = (model) => runner(model, {});

await report({ messagesStream, messagesLoop, messagesRunner, messagesRunnerAsItIs });
