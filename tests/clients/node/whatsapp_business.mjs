import { once } from "node:events";

import { WABAClient } from "whatsapp-business";

import { ENGLISH, PNG, serve, sent } from "./driving.mjs";

function make({ url, key, number, waba }) {
  const client = new WABAClient({ apiToken: key, phoneId: number, accountId: waba });
  // It has no option for another address.
  client.restClient.fetch.defaults.baseURL = `${url}/v17.0`;
  return {
    text: async ({ to, body }) => sent(await client.sendMessage({ to, type: "text", text: { body } })),
    template: async ({ to, name }) => {
      const template = { name, language: { policy: "deterministic", code: ENGLISH } };
      return sent(await client.sendMessage({ to, type: "template", template }));
    },
    upload: async ({ path: file }) => ({ id: (await client.uploadMedia({ file, type: PNG })).id }),
    download: async ({ media, path }) => {
      const { url: where } = await client.getMedia(media);
      await once(await client.downloadMedia(where, path), "close");
    },
  };
}

await serve("whatsapp-business", make);
