#!/usr/bin/env node
// Answer call.route by what the database says, while other calls are routed.

const readline = require('node:readline');

const unescape = (field) =>
  field.replace(/%(.)/gs, (_, char) => (char === '%' ? '%' : String.fromCharCode(char.charCodeAt(0) - 64)));
const escape = (text) =>
  text.replace(/[\x00-\x1f:%]/g, (char) => (char === '%' ? '%%' : '%' + String.fromCharCode(char.charCodeAt(0) + 64)));
// Bytes that are not UTF-8 come back unchanged.
const send = (line) => process.stdout.write(Buffer.from(`${line}\n`, 'latin1'));

const asked = new Map(); // what goes on with the answer to a message of our own, by its id
let number = 0;

// Send a message because of another one, and return its answer. As several calls may be in hand,
// yext_parent says which one this is about.
function ask(name, params, parent) {
  const id = `ask${(number += 1)}`;
  const fields = Object.entries({ ...params, yext_parent: parent });
  send(`%%>message:${id}:0:${name}::${fields.map(([key, value]) => `${key}=${escape(value)}`).join(':')}`);
  return new Promise((done) => asked.set(id, done));
}

async function route(id, params) {
  const query = `SELECT target FROM numbers WHERE number = '${(params.called ?? '').replace(/\D/g, '')}'`;
  const { handled, retvalue } = await ask('database', { account: 'pbx', query }, id);
  send(`%%<message:${id}:${handled && retvalue !== ''}::${escape(retvalue)}`);
}

function parse(fields) {
  return Object.fromEntries(
    fields.map((field) => {
      const [key, ...value] = field.split('=');
      return [unescape(key), unescape(value.join('='))];
    }),
  );
}

process.stdin.setEncoding('latin1');
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [kind, id, third, , fifth, ...fields] = line.split(':');
  if (kind === '%%>message') {
    route(id, parse(fields));
  } else if (kind === '%%<message' && asked.has(id)) {
    asked.get(id)({ handled: third === 'true', retvalue: unescape(fifth ?? '') });
    asked.delete(id);
  } else if (kind === 'Error in') {
    console.error(line);
  }
});
send('%%>setlocal:trackparam:route.js');
send('%%>install:60:call.route');
