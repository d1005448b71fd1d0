import { readFile, writeFile } from "node:fs/promises";

import { Client } from "@great-detail/whatsapp";

import { ENGLISH, PNG, serve, sent } from "./driving.mjs";

function make({ url, key, number: phoneNumberID, waba }) {
  const headers = { Authorization: `Bearer ${key}` };
  const client = new Client({ baseUrl: url, request: { headers } });
  return {
    text: async ({ to, body }) =>
      sent(await client.message.createMessage({ phoneNumberID, to, type: "text", text: { body } }).json()),
    template: async ({ to, name }) => {
      const template = { name, language: { code: ENGLISH } };
      return sent(await client.message.createMessage({ phoneNumberID, to, type: "template", template }).json());
    },
    upload: async ({ path }) => {
      const file = new Blob([await readFile(path)], { type: PNG });
      return client.media.upload({ phoneNumberID, file, filename: "picture.png", mimeType: PNG }).json();
    },
    download: async ({ media, path }) => {
      const { url: mediaURL } = await client.media.getURL({ mediaID: media }).json();
      // It sends no token with a download by itself.
      const answer = await client.media.download({ mediaURL, request: { headers } });
      await writeFile(path, Buffer.from(await answer.arrayBuffer()));
    },
    templates: async ({ size: limit }) => {
      const { data } = await client.template.list(waba, { limit }).json();
      return { pages: [data.map((template) => template.name)] };
    },
  };
}

await serve("@great-detail/whatsapp", make, (fault) => fault.data?.error?.code);
