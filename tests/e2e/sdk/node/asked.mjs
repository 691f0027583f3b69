// What both SDKs are asked, and how the answers are reported.
import { randomUUID } from "node:crypto";

export const { PENSTOCK_API: api, PENSTOCK_KEY: key } = process.env;
export const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const question = () => `What is ${randomUUID()}?`;
export const toolQuestion = () => `Use get_weather. ${question()}`;
export const getWeather = ({ city }) => `the weather of ${city} is fine`;

// For each model that is named on the command line, what each of `tasks` gives, as one JSON object on standard output;
// of one that throws, its error.
export async function report(tasks) {
  const found = {};
  for (const model of process.argv.slice(2)) {
    found[model] = {};
    for (const [name, task] of Object.entries(tasks)) {
      found[model][name] = await task(model).catch((error) => ({ error: `${error}` }));
    }
  }
  process.stdout.write(JSON.stringify(found));
}
