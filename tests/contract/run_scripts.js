// Run scripts in Node's vm with the wrapper that the server puts around them: one JSON line in, one out.
import readline from "node:readline";
import v8 from "node:v8";
import vm from "node:vm";

const described = (error) =>
  error !== null && typeof error === "object" && "message" in error
    ? { name: String(error.name), message: String(error.message) }
    : { name: "", message: String(error) };

const wrapped = (source) => `
  const Store = (() => {
    const values = {};
    return { set: (key, value) => (values[key] = value), get: (key) => values[key] };
  })();

  ${source}

  (function () {
    const instance = new Script();
    return (method, text) => instance[method](JSON.parse(text));
  })();
`;

const run = async ({ source, calls }) => {
  try {
    new vm.Script(`(function(){${source}})`);
  } catch (error) {
    return { phase: "compile", ...described(error) };
  }
  const context = vm.createContext({});
  vm.runInContext("var global = globalThis; var console = { log() {}, info() {}, warn() {}, error() {} };", context);
  let call;
  try {
    call = vm.runInContext(wrapped(source), context, { timeout: 3000 });
  } catch (error) {
    return { phase: "load", ...described(error) };
  }
  const values = [];
  for (const [method, parameters] of calls) {
    let value;
    try {
      value = await call(method, JSON.stringify(parameters));
    } catch (error) {
      return { phase: "call", ...described(error) };
    }
    try {
      values.push(v8.deserialize(v8.serialize(value)) ?? null);
    } catch (error) {
      return /could not be cloned/.test(error.message) ? { phase: "result" } : { phase: "call", ...described(error) };
    }
  }
  return { phase: "done", values };
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
