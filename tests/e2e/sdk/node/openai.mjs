// One stream and one loop of tools through each of OpenAI's fronts, by the official `openai` package.
import OpenAI from "openai";
import { api, getWeather, key, question, report, schema, toolQuestion } from "./asked.mjs";

const client = new OpenAI({ baseURL: `${api}/v1`, apiKey: key, maxRetries: 0, timeout: 30_000 });

async function chatStream(model) {
  const messages = [{ role: "user", content: question() }];
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  const pieces = [];
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content || "");
  }
  const { choices, usage } = await stream.finalChatCompletion();
  const [{ message, finish_reason: stop }] = choices;
  return { pieces, text: message.content, stop, input: usage.prompt_tokens, output: usage.completion_tokens };
}

async function chatLoop(model) {
  const returned = [];
  const run = (asked) => returned[returned.push(getWeather(asked)) - 1];
  const described = { name: "get_weather", description: "The weather in a city.", parameters: schema };
  const tools = [{ type: "function", function: { ...described, parse: JSON.parse, function: run } }];
  const messages = [{ role: "user", content: toolQuestion() }];
  const runner = client.chat.completions.runTools({ model, messages, tools });
  return { text: await runner.finalContent(), returned };
}

async function responsesStream(model) {
  const stream = client.responses.stream({ model, input: question() });
  const pieces = [];
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") {
      pieces.push(event.delta);
    }
  }
  const { output_text: text, status: stop, usage } = await stream.finalResponse();
  return { pieces, text, stop, input: usage.input_tokens, output: usage.output_tokens };
}

async function responsesLoop(model) {
  const tools = [{ type: "function", name: "get_weather", parameters: schema, strict: true }];
  const returned = [];
  let response = await client.responses.create({ model, input: toolQuestion(), tools });
  for (let turn = 0; turn < 4; turn++) {
    const calls = response.output.filter((item) => item.type === "function_call");
    if (calls.length === 0) {
      break;
    }
    const input = calls.map(({ call_id, arguments: given }) => {
      returned.push(getWeather(JSON.parse(given)));
      return { type: "function_call_output", call_id, output: returned.at(-1) };
    });
    response = await client.responses.create({ model, input, tools, previous_response_id: response.id });
  }
  return { text: response.output_text, returned };
}

await report({ chatStream, chatLoop, responsesStream, responsesLoop });
