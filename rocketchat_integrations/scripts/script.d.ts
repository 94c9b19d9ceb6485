// Types of the scripts of Rocket.Chat integrations, for editors.
//
// Put this file beside your scripts, with a jsconfig.json:
//
//   {
//     "compilerOptions": {
//       "checkJs": true,
//       "strict": false,
//       "moduleDetection": "force",
//       "lib": ["es2023"],
//       "types": []
//     }
//   }
//
// Without a jsconfig.json, begin a script with:
//
//   // @ts-check
//   /// <reference path="./script.d.ts" />
//
// and give its methods their types:
//
//   class Script {
//     /** @type {IntegrationScript['process_incoming_request']} */
//     process_incoming_request({ request }) {
//       return { content: { text: request.content.title } };
//     }
//   }
//
// The server ignores these comments.

/** The methods that the server calls. A script has at least one of them. */
interface IntegrationScript {
  /** Turns a request to an incoming webhook into a message. */
  process_incoming_request(parameters: { request: IncomingRequest }): IncomingResult | Promise<IncomingResult>;
  /** Changes the call of an outgoing webhook. Returns nothing if no call should be made. */
  prepare_outgoing_request(parameters: { request: OutgoingRequest }): PreparedRequest | Promise<PreparedRequest>;
  /** Turns the reply to the call into a message. */
  process_outgoing_response(parameters: {
    request: SentRequest;
    response: OutgoingResponse;
  }): ResponseResult | Promise<ResponseResult>;
}

/** A request to an incoming webhook. */
interface IncomingRequest {
  url: {
    hash: string | null;
    search: string | null;
    /** The parameters of the URL. */
    query: Record<string, any>;
    pathname: string;
    path: string;
  };
  url_raw: string;
  url_params: { integrationId: string; token: string };
  /** The body. */
  content: any;
  /** The body as text. */
  content_raw: string;
  /** The headers, by their names in lower case. */
  headers: Record<string, string>;
  /** The same as `content`. */
  body: any;
  /** The user that the integration posts as. */
  user: { _id: string; name: string; username: string };
}

/** What `process_incoming_request` returns; nothing posts nothing. */
type IncomingResult =
  | {
      /** The message to post. */
      content: ChatMessage;
      /** The answer to the sender; `success: true` is added. */
      response?: any;
      error?: undefined;
    }
  | {
      /** Refuses the request with status 400. */
      error: { success: false; message?: any; error?: any };
      content?: undefined;
      response?: undefined;
    }
  | void
  | null;

/** The call of an outgoing webhook, before it is made. */
interface OutgoingRequest {
  params: Record<string, any>;
  method: string;
  url: string;
  /** The payload. */
  data: OutgoingPayload;
  auth?: string;
  headers: Record<string, string>;
}

/** The payload of a call. Which fields there are depends on the event. */
interface OutgoingPayload {
  token?: string | null;
  bot?: any;
  trigger_word?: string;
  channel_id?: string;
  channel_name?: string | null;
  message_id?: string;
  timestamp?: Date;
  user_id?: string;
  user_name?: string;
  text?: string;
  siteUrl?: string;
  alias?: string;
  tmid?: string;
  isEdited?: boolean;
  [field: string]: any;
}

/** What `prepare_outgoing_request` returns: the request to send. Without `url` or `method`, no call is made. */
type PreparedRequest =
  | {
      url?: string;
      method?: string;
      headers?: Record<string, any>;
      /** The body. */
      data?: any;
      /** `user:password` for basic authentication. */
      auth?: string;
      /** A message to post. */
      message?: ChatMessage;
    }
  | void
  | null;

/** The request that was sent. */
interface SentRequest {
  url: string;
  method: string;
  headers: Record<string, any>;
  data?: any;
  auth?: string;
  [field: string]: any;
}

/** The reply to the call of an outgoing webhook. */
interface OutgoingResponse {
  error: any;
  status_code: number;
  /** The body as text. */
  content: string;
  content_raw: string;
  /** The headers, by their names in lower case. */
  headers: Record<string, any>;
}

/** What `process_outgoing_response` returns; `false` posts nothing, `undefined` the reply as without a script. */
type ResponseResult = { content: ChatMessage } | false | void | null;

/** A message. */
interface ChatMessage {
  /** The text, with Markdown. */
  text?: string;
  msg?: string;
  /** The room to post to, if the integration may override it: `#room`, `@user`, a name or an id. */
  channel?: string | string[];
  roomId?: string;
  /** The name to show instead of the user's. */
  alias?: string;
  username?: string;
  /** The URL of a picture to show. */
  avatar?: string;
  icon_url?: string;
  /** An emoji to show as the picture, such as `:robot:`. */
  emoji?: string;
  icon_emoji?: string;
  attachments?: MessageAttachment[];
  parseUrls?: boolean;
  groupable?: boolean;
  /** The id of the message whose thread this one is in. */
  tmid?: string;
  customFields?: Record<string, any>;
  separateResponse?: boolean;
  [field: string]: any;
}

/** A block below a message. */
interface MessageAttachment {
  title?: string;
  title_link?: string;
  title_link_download?: boolean;
  text?: string;
  /** The colour of the bar, such as `#ff0000` or `red`. */
  color?: string;
  /** A time, as ISO 8601 text. */
  ts?: string | Date;
  collapsed?: boolean;
  thumb_url?: string;
  image_url?: string;
  audio_url?: string;
  video_url?: string;
  author_name?: string;
  author_link?: string;
  author_icon?: string;
  message_link?: string;
  fields?: { title: string; value: string; short?: boolean }[];
  [field: string]: any;
}

/** Keeps values between calls, until the integration is saved or the server restarts. */
declare const Store: {
  set<T>(key: string, value: T): T;
  get(key: string): any;
};

/** The log of the server. */
interface Console {
  log(...values: any[]): void;
  info(...values: any[]): void;
  warn(...values: any[]): void;
  error(...values: any[]): void;
  debug(...values: any[]): void;
}
declare var console: Console;

/** The global object: values in it are kept as long as those in `Store`. */
declare var global: typeof globalThis & Record<string, any>;

/** Sends a request; for async methods. */
declare function fetch(url: string, options?: ScriptFetchOptions): Promise<ScriptFetchResponse>;

interface ScriptFetchOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  [option: string]: any;
}

interface ScriptFetchResponse {
  status: number;
  statusText: string;
  /** Whether the status is from 200 to 299. */
  ok: boolean;
  url: string;
  redirected: boolean;
  headers: [string, string][];
  text(): Promise<string>;
  json(): Promise<any>;
}

/** Functions for text. */
declare const s: {
  trim(text: any, characters?: string | RegExp): string;
  ltrim(text: any, characters?: string | RegExp): string;
  rtrim(text: any, characters?: string | RegExp): string;
  /** The text with its first letter in upper case, and the others in lower case if `lower`. */
  capitalize(text: any, lower?: boolean): string;
  /** The text, cut to a length with `...` at its end. */
  truncate(text: string, length: number): string;
  stripTags(text: any): string;
  /** What is before the first separator. */
  strLeft(text: any, separator: string): string;
  /** What is after the first separator. */
  strRight(text: any, separator: string): string;
  /** What is after the last separator. */
  strRightBack(text: any, separator: string): string;
  pad(text: any, length: number, fill?: string, side?: 'left' | 'right' | 'both'): string;
  lrpad(text: any, length: number, fill?: string): string;
  numberFormat(number: number, decimals?: number, point?: string, thousands?: string): string;
};
