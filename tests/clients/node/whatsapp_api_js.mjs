import { readFile, writeFile } from "node:fs/promises";

import { WhatsAppAPI } from "whatsapp-api-js";
import { Language, Template, Text } from "whatsapp-api-js/messages";

import { ENGLISH, PNG, Returned, serve, sent } from "./driving.mjs";

const GRAPH = "https://graph.facebook.com";

function make({ url, key, number }) {
  // It has no option for another address; what it offers to replace is fetch.
  const elsewhere = (asked, options) => fetch(String(asked).replace(GRAPH, url), options);
  const client = new WhatsAppAPI({ token: key, secure: false, ponyfill: { fetch: elsewhere } });
  const good = (answer) => {
    if (answer.error) {
      throw new Returned(answer);
    }
    return answer;
  };
  return {
    text: async ({ to, body }) => sent(good(await client.sendMessage(number, to, new Text(body)))),
    template: async ({ to, name }) =>
      sent(good(await client.sendMessage(number, to, new Template(name, new Language(ENGLISH))))),
    upload: async ({ path }) => {
      const form = new FormData();
      form.set("file", new Blob([await readFile(path)], { type: PNG }), "picture.png");
      form.set("messaging_product", "whatsapp");
      return { id: good(await client.uploadMedia(number, form)).id };
    },
    download: async ({ media, path }) => {
      const { url: where } = good(await client.retrieveMedia(media));
      await writeFile(path, Buffer.from(await (await client.fetchMedia(where)).arrayBuffer()));
    },
  };
}

await serve("whatsapp-api-js", make);
