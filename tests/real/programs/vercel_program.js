// Run by node beside the AI SDK: chat, stream, tools and structured output.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { Output, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const url = process.argv[2];
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'any' });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: 'any' });
const weather = tool({
  description: 'The weather in a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

async function told(model) {
  const chat = (await generateText({ model, prompt: 'hello', maxRetries: 0 })).text;
  let stream = '';
  for await (const piece of streamText({ model, prompt: 'hello', maxRetries: 0 }).textStream) {
    stream += piece;
  }
  const asked = { model, prompt: 'use the tool', tools: { weather }, maxRetries: 0 };
  const tools = (await generateText({ ...asked, stopWhen: stepCountIs(3) })).text;
  return { chat, stream, tools };
}

const output = Output.object({ schema: z.object({ name: z.string(), people: z.number() }) });
const asked = { model: openai.chat('near'), prompt: 'a city', maxRetries: 0 };
const both = {
  openai: await told(openai.chat('near')),
  responses: await told(openai('near')),
  anthropic: await told(anthropic('near')),
};
const structured = (await generateText({ ...asked, output })).output;
console.log(JSON.stringify({ ...both, structured }));
