import { readFile, writeFile } from "node:fs/promises";

import { WhatsAppClient } from "@kapso/whatsapp-cloud-api";

import { ENGLISH, PNG, serve } from "./driving.mjs";

function make({ url, key, number: phoneNumberId, waba: businessAccountId }) {
  const client = new WhatsAppClient({ accessToken: key, baseUrl: url });
  const sent = ({ messages: [{ id, messageStatus: status }] }) => ({ id, status });
  return {
    text: async ({ to, body }) => sent(await client.messages.sendText({ phoneNumberId, to, body })),
    template: async ({ to, name }) =>
      sent(await client.messages.sendTemplate({ phoneNumberId, to, template: { name, language: { code: ENGLISH } } })),
    upload: async ({ path }) => {
      const file = new Blob([await readFile(path)], { type: PNG });
      return { id: (await client.media.upload({ phoneNumberId, file, type: PNG, fileName: "picture.png" })).id };
    },
    // Without it, the token goes only to hosts of kapso.ai.
    download: async ({ media, path }) =>
      writeFile(path, Buffer.from(await client.media.download({ mediaId: media, auth: "always" }))),
    templates: async ({ size: limit }) => {
      const pages = [];
      for (let after; pages.length === 0 || after; ) {
        const page = await client.templates.list({ businessAccountId, limit, after });
        pages.push(page.data.map((template) => template.name));
        after = page.paging.next ? page.paging.cursors.after : undefined;
      }
      return { pages };
    },
  };
}

await serve("@kapso/whatsapp-cloud-api", make);
