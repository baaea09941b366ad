// One round with the official `@anthropic-ai/sdk`: `node anthropic.mjs CASE`. Prints the final answer.
import { readFile } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: process.env.LUNA_URL, apiKey: process.env.LUNA_KEY, maxRetries: 0 });
const model = process.env.LUNA_MODEL;
const task = process.env.LUNA_TASK;

const tool = {
  name: 'read_file',
  description: 'Reads a file.',
  input_schema: {
    type: 'object',
    properties: { path: { type: 'string', description: 'The file.' } },
    required: ['path'],
    additionalProperties: false,
  },
};
const read = ({ path }) => readFile(path, 'utf8');
const runnable = { ...tool, run: read, parse: (input) => input };
const words = (message) => message.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');

async function converse(ask) {
  const messages = [{ role: 'user', content: task }];
  for (;;) {
    const message = await ask({ model, max_tokens: 1000, messages, tools: [tool] });
    const calls = message.content.filter((block) => block.type === 'tool_use');
    if (calls.length === 0) return words(message);
    const results = calls.map(async ({ id, input }) => ({
      type: 'tool_result',
      tool_use_id: id,
      content: await read(input),
    }));
    messages.push({ role: 'assistant', content: message.content });
    messages.push({ role: 'user', content: await Promise.all(results) });
  }
}

const asked = { model, max_tokens: 1000, messages: [{ role: 'user', content: task }], tools: [runnable] };
const cases = {
  'messages': () => converse((request) => client.messages.create(request)),
  'messages-streamed': () => converse((request) => client.messages.stream(request).finalMessage()),
  'runner': async () => words(await client.beta.messages.toolRunner(asked)),
  'runner-streamed': async () => words(await client.beta.messages.toolRunner({ ...asked, stream: true }).runUntilDone()),
};

console.log(await cases[process.argv[2]]());
