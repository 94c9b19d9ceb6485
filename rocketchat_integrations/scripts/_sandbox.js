// The globals of the server's sandbox, and the bridge that the engine calls scripts through.
//
// The engine evaluates this expression in a new context, and keeps the bridge under a name that no script can guess.
// The script may replace every built-in function afterwards. So everything that the bridge needs is captured here, and
// the bridge neither iterates over arrays nor appends to them.
(() => {
  "use strict";

  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { stringify, parse } = JSON;
  const { defineProperty, freeze } = Object;
  const isArray = Array.isArray;
  const NativeError = Error;
  const NativeTypeError = TypeError;
  const NativeReferenceError = ReferenceError;
  const NativeDate = Date;
  const NativePromise = Promise;
  const NativeProxy = Proxy;
  const NativeSet = Set;
  const NativeMap = Map;
  const Text = String;
  const evaluate = eval;
  const { has: setHas, add: setAdd, delete: setDelete } = Set.prototype;
  const { get: mapGet, set: mapSet, delete: mapDelete } = Map.prototype;
  const { then: promiseThen } = Promise.prototype;
  const { getTime, toISOString } = Date.prototype;
  const { valueOf: numberValue } = Number.prototype;
  const { valueOf: textValue } = String.prototype;
  const { valueOf: flagValue } = Boolean.prototype;
  const { toString: tagOf } = Object.prototype;
  const world = globalThis;

  // Values to JSON text, as the server copies them out of the sandbox: `toJSON` is not called.

  const primitive = (value) => {
    for (let kind = 0; kind < 3; kind++) {
      try {
        return apply(kind === 0 ? numberValue : kind === 1 ? textValue : flagValue, value, []);
      } catch {
        // Not an object of that kind.
      }
    }
    return value;
  };

  const dateText = (value) => {
    try {
      const time = apply(getTime, value, []);
      return time === time ? stringify(apply(toISOString, value, [])) : "null";
    } catch {
      return undefined;
    }
  };

  const unsupported = (path, kind) => new NativeTypeError(`${path}: ${kind} could not be cloned.`);

  const encode = (value, path, above) => {
    switch (typeof value) {
      case "undefined":
        return "null";
      case "boolean":
      case "number":
      case "string":
        return stringify(value);
      case "object":
        return value === null ? "null" : encodeObject(value, path, above);
      default:
        throw unsupported(path, `a ${typeof value}`);
    }
  };

  const encodeObject = (value, path, above) => {
    const date = dateText(value);
    if (date !== undefined) return date;
    const simple = primitive(value);
    if (typeof simple !== "object") return stringify(simple);
    if (apply(setHas, above, [value])) throw new NativeTypeError(`${path}: a circular structure`);
    apply(setAdd, above, [value]);
    const text = isArray(value) ? encodeArray(value, path, above) : encodeFields(value, path, above);
    apply(setDelete, above, [value]);
    return text;
  };

  const encodeArray = (array, path, above) => {
    let text = "";
    const length = array.length;
    for (let index = 0; index < length; index++) {
      text += (index ? "," : "") + encode(array[index], `${path}[${index}]`, above);
    }
    return `[${text}]`;
  };

  const encodeFields = (object, path, above) => {
    let text = "";
    const keys = ownKeys(object);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index];
      if (typeof key !== "string" || !getOwnPropertyDescriptor(object, key)?.enumerable) continue;
      const field = object[key];
      if (field !== undefined) text += `${text && ","}${stringify(key)}:${encode(field, `${path}.${key}`, above)}`;
    }
    return `{${text}}`;
  };

  const encoded = (value) => encode(value, "the result", new NativeSet());

  // Errors to JSON text. Each part may have a getter that throws.

  const part = (error, name) => {
    try {
      const value = error[name];
      return typeof value === "string" ? value : undefined;
    } catch {
      return undefined;
    }
  };

  const shown = (value) => {
    try {
      return Text(value);
    } catch {
      return "";
    }
  };

  const isError = (value) => {
    try {
      return value instanceof NativeError || apply(tagOf, value, []) === "[object Error]";
    } catch {
      return false;
    }
  };

  const failureOf = (thrown) => {
    const known = typeof thrown === "object" && thrown !== null && isError(thrown);
    const name = (known && part(thrown, "name")) || "";
    const message = known ? part(thrown, "message") ?? "" : shown(thrown);
    const stack = (known && part(thrown, "stack")) || "";
    return `"error":{"name":${stringify(name)},"message":${stringify(message)},"stack":${stringify(stack)}}`;
  };

  // console

  let logs = "";

  const logText = (value) => {
    if (typeof value === "string") return value;
    if (isError(value)) return part(value, "stack") ?? shown(value);
    if (typeof value !== "object") return typeof value === "function" ? "[function]" : shown(value);
    try {
      return encoded(value);
    } catch {
      return "[object]";
    }
  };

  const log = (level) =>
    function (...values) {
      let text = "";
      for (let index = 0; index < values.length; index++) text += (index ? " " : "") + logText(values[index]);
      logs += `${logs && ","}[${stringify(level)},${stringify(text)}]`;
    };

  // The other methods of V8's console do nothing.
  for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = log(level);

  const takeLogs = () => {
    const taken = logs;
    logs = "";
    return `"logs":[${taken}]`;
  };

  // fetch: the engine takes the requests, and answers them from outside.

  let requests = "";
  let lastRequest = 0;
  const waiting = new NativeMap();

  const respond = ({ status, statusText, url, text, headers }) =>
    freeze({
      status,
      statusText,
      url,
      headers,
      ok: status >= 200 && status < 300,
      redirected: false,
      text: async () => text,
      json: async () => parse(text),
    });

  world.fetch = async (url, options) => {
    const wanted = `${stringify(Text(url))},${encode(options ?? {}, "options", new NativeSet())}`;
    const id = ++lastRequest;
    return new NativePromise((resolve, reject) => {
      apply(mapSet, waiting, [id, { resolve, reject }]);
      requests += `${requests && ","}[${id},${wanted}]`;
    });
  };

  const takeRequests = () => {
    const taken = requests;
    requests = "";
    return `"requests":[${taken}]`;
  };

  const answer = (id, text) => {
    const { resolve, reject } = apply(mapGet, waiting, [id]);
    apply(mapDelete, waiting, [id]);
    const { response, failure } = parse(text);
    if (failure === undefined) resolve(respond(response));
    else reject(new NativeTypeError(failure));
  };

  // Store: kept as long as the context.

  const kept = {};
  const store = {
    set(key, value) {
      kept[key] = value;
      return value;
    },
    get(key) {
      return kept[key];
    },
  };

  // s: the vendor's helpers for text, except for `stripTags`, which only removes tags here.

  const textOf = (value) => (value ? String(value) : "");

  const characterClass = (characters) => {
    if (typeof characters === "object" && "source" in characters) return characters.source;
    return `[${textOf(characters).replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")}]`;
  };

  const padded = (text, length, fill, side = "right") => {
    const missing = ~~length - textOf(text).length;
    const filling = (fill || " ")[0];
    const left = side === "both" ? Math.ceil(missing / 2) : side === "right" ? 0 : missing;
    return filling.repeat(left) + textOf(text) + filling.repeat(missing - left);
  };

  const split = (value, separator, last) => {
    const text = textOf(value);
    const wanted = textOf(separator);
    const at = wanted ? (last ? text.lastIndexOf(wanted) : text.indexOf(wanted)) : -1;
    return at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + wanted.length)];
  };

  world.s = {
    trim: (text, characters) => world.s.ltrim(world.s.rtrim(text, characters), characters),
    ltrim: (text, characters) =>
      characters ? textOf(text).replace(new RegExp(`^${characterClass(characters)}+`), "") : textOf(text).trimStart(),
    rtrim: (text, characters) =>
      characters ? textOf(text).replace(new RegExp(`${characterClass(characters)}+$`), "") : textOf(text).trimEnd(),
    capitalize: (text, lower) => {
      const rest = textOf(text).slice(1);
      return textOf(text).charAt(0).toUpperCase() + (lower ? rest.toLowerCase() : rest);
    },
    truncate: (text, length) => (text.length > length ? `${text.slice(0, length - 3)}...` : text),
    stripTags: (text) => textOf(text).replace(/<\/?[^>]+>/g, ""),
    strLeft: (text, separator) => split(text, separator, false)[0],
    strRight: (text, separator) => split(text, separator, false)[1],
    strRightBack: (text, separator) => split(text, separator, true)[1],
    pad: padded,
    lrpad: (text, length, fill) => padded(text, length, fill, "both"),
    numberFormat: (number, decimals, point, thousands) => {
      if (number === null || number === undefined || isNaN(number)) return "";
      const [whole, fraction] = number.toFixed(~~decimals).split(".");
      const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, typeof thousands === "string" ? thousands : ",");
      return fraction ? `${grouped}${point || "."}${fraction}` : grouped;
    },
  };

  world.global = world;

  // The way of 8.x: names that are assigned without a declaration become properties of the global object.

  let leaks = "";

  const leaking = (bridge, namesInTypeof) => {
    const inTypeof = parse(namesInTypeof);
    return new NativeProxy(freeze({ __proto__: null }), {
      has: (_, name) => typeof name === "string" && name !== bridge && !(name in world),
      get: (_, name) => {
        // A read looks the same with and without `typeof`, which must not throw.
        if (typeof name !== "string" || inTypeof[name] === true) return undefined;
        throw new NativeReferenceError(`${name} is not defined`);
      },
      set: (_, name, value) => {
        defineProperty(world, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        leaks += `${leaks && ","}${stringify(name)}`;
        return true;
      },
    });
  };

  // The bridge

  const METHODS = ["prepare_outgoing_request", "process_outgoing_response", "process_incoming_request"];
  let instance;
  let state = "pending";
  let outcome = "";
  let calls = 0;

  const settle = (call, value) => {
    if (call !== calls) return;
    try {
      outcome = `"value":${encoded(value)}`;
      state = "settled";
    } catch (thrown) {
      fail(call, thrown);
    }
  };

  const fail = (call, thrown) => {
    if (call !== calls) return;
    outcome = failureOf(thrown);
    state = "settled";
  };

  const functionsOf = () => {
    let text = "";
    for (let index = 0; index < METHODS.length; index++) {
      const name = METHODS[index];
      if (typeof instance[name] === "function") text += `${text && ","}${stringify(name)}`;
    }
    return `[${text}]`;
  };

  const begin = () => {
    state = "pending";
    outcome = "";
    return ++calls;
  };

  return freeze({
    __proto__: null,
    store,
    leaking,
    adopt(script) {
      instance = script;
    },
    load(code) {
      const call = begin();
      try {
        evaluate(code);
        outcome = `"value":${functionsOf()}`;
        state = "settled";
      } catch (thrown) {
        fail(call, thrown);
      }
    },
    start(method, text, dateKey) {
      const call = begin();
      try {
        const parameters = dateKey ? parse(text, (_, it) => (it?.[dateKey] ? new NativeDate(it[dateKey]) : it)) : parse(text);
        const result = instance[method](parameters);
        try {
          apply(promiseThen, result, [(value) => settle(call, value), (thrown) => fail(call, thrown)]);
        } catch {
          settle(call, result); // not a promise
        }
      } catch (thrown) {
        fail(call, thrown);
      }
    },
    answer,
    poll() {
      const rest = `${takeRequests()},${takeLogs()},"leaked":[${leaks}]`;
      leaks = "";
      return `{"settled":${state === "settled"},${outcome && `${outcome},`}${rest}}`;
    },
  });
})()
