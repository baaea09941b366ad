// One round with the official `openai` SDK: `node openai.mjs CASE`. Prints the final answer.
import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: `${process.env.LUNA_URL}/v1`, apiKey: process.env.LUNA_KEY, maxRetries: 0 });
const model = process.env.LUNA_MODEL;
const task = process.env.LUNA_TASK;

const parameters = {
  type: 'object',
  properties: { path: { type: 'string', description: 'The file.' } },
  required: ['path'],
  additionalProperties: false,
};
const description = 'Reads a file.';
const read = ({ path }) => readFile(path, 'utf8');
const runnable = {
  type: 'function',
  function: { name: 'read_file', description, parameters, parse: JSON.parse, function: read },
};
const forResponses = { type: 'function', name: 'read_file', description, parameters, strict: true };

async function respond(ask) {
  const input = [{ role: 'user', content: task }];
  for (;;) {
    const response = await ask({ model, input, tools: [forResponses] });
    const calls = response.output.filter((item) => item.type === 'function_call');
    if (calls.length === 0) return response.output_text;
    input.push(...response.output);
    for (const call of calls) {
      const output = await read(JSON.parse(call.arguments));
      input.push({ type: 'function_call_output', call_id: call.call_id, output });
    }
  }
}

const cases = {
  'chat': () =>
    client.chat.completions
      .runTools({ model, messages: [{ role: 'user', content: task }], tools: [runnable] })
      .finalContent(),
  'chat-streamed': () =>
    client.chat.completions
      .runTools({ model, messages: [{ role: 'user', content: task }], tools: [runnable], stream: true })
      .finalContent(),
  'responses': () => respond((asked) => client.responses.create(asked)),
  'responses-streamed': () => respond((asked) => client.responses.stream(asked).finalResponse()),
};

console.log(await cases[process.argv[2]]());
