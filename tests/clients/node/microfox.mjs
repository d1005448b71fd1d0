import { readFile, writeFile } from "node:fs/promises";

import { WhatsAppBusinessSDK } from "@microfox/whatsapp-business";

import { ENGLISH, PNG, serve, sent } from "./driving.mjs";

function make({ url, key, number, waba }) {
  const client = new WhatsAppBusinessSDK({
    phoneNumberId: number,
    businessAccountId: waba,
    accessToken: key,
    baseUrl: `${url}/v22.0`,
  });
  return {
    text: async ({ to, body }) => sent((await client.sendTextMessage(to, body)).data),
    template: async ({ to, name }) => sent((await client.sendTemplateMessage(to, name, ENGLISH)).data),
    upload: async ({ path }) => {
      const file = new Blob([await readFile(path)], { type: PNG });
      return { id: (await client.uploadMedia(file, "image")).data.id };
    },
    download: async ({ media, path }) => writeFile(path, Buffer.from((await client.downloadMedia(media)).data)),
    templates: async ({ size: limit }) => {
      const { data } = (await client.getTemplates({ limit, offset: 0 })).data;
      return { pages: [data.map((template) => template.name)] };
    },
  };
}

await serve("@microfox/whatsapp-business", make);
