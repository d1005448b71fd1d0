// One client library in a process of its own: what ../drivers/driving.py says, in Node.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export const ENGLISH = "en_US";
export const PNG = "image/png";

/** A failure that the library returns to its caller instead of raising it. */
export class Returned extends Error {
  constructor(body) {
    super(body.error.message);
    this.told = { how: "returned", kind: body.constructor.name, code: body.error.code, text: body.error.message };
  }
}

/** The version of an installed package. */
function version(name) {
  return JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version;
}

function number(value) {
  return Number.isInteger(value) ? value : null;
}

function told(fault, codeOf) {
  if (fault instanceof Returned) {
    return fault.told;
  }
  const kind = fault?.constructor?.name ?? typeof fault;
  return { how: "raised", kind, code: number(codeOf(fault)), text: String(fault?.message ?? fault).slice(0, 500) };
}

/** Answer until nothing more is asked. `make` makes a client as its users do, `codeOf` is where they find the code. */
export async function serve(name, make, codeOf = (fault) => fault.code) {
  const clients = new Map();
  const write = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  // What a library prints is not an answer.
  console.log = console.info = console.error;
  write({ version: version(name) });
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: method, login, ...asked } = JSON.parse(line);
    const who = JSON.stringify(login);
    try {
      if (!clients.has(who)) {
        clients.set(who, make(login));
      }
      write({ done: (await clients.get(who)[method](asked)) ?? {} });
    } catch (fault) {
      write({ told: told(fault, codeOf) });
    }
  }
}

/** The id of a sent message, and its status where there is one. */
export function sent(answer) {
  const { id, message_status: status } = answer.messages[0];
  return { id, status };
}
