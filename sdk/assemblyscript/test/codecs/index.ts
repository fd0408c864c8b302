// biome-ignore-all lint: this is AssemblyScript, where other rules hold
// biome-ignore-all assist: as above
import {
  Bytes,
  Context,
  Header,
  HeadersAction,
  RootContext,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  sendLocalResponse,
} from '@sluice/assemblyscript'
import { Base64 } from '@sluice/assemblyscript/base64'
import { Json, JsonKind, JsonReader, quote } from '@sluice/assemblyscript/json'

/** JSON and base64 as a service: what is asked for comes in headers, what came of it goes out as the body. */
class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id)
  }
}

class Stream extends Context {
  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    // In base64, because a header cannot hold every byte.
    const input = requestHeaders.get('x-input')!
    const bytes = Base64.decode(input)
    const what = requestHeaders.get('x-what')!
    if (bytes === null) answer('not base64')
    else if (what == 'base64') answer(Base64.encode(bytes))
    else if (what == 'json') answer(json(bytes))
    else if (what == 'unsigned') answer(new JsonReader(bytes).read()!.unsigned.toString())
    else answer(Bytes.equalConstantTime(bytes, Bytes.of(requestHeaders.get('x-secret')!)) ? 'equal' : 'different')
    return HeadersAction.StopIteration
  }

  onResponseHeaders(count: u32, endOfStream: bool): HeadersAction {
    responseHeaders.remove('content-type')
    return HeadersAction.Continue
  }
}

function answer(text: string): void {
  sendLocalResponse(200, 'answered', Bytes.of(text), [new Header('x-ok', 'yes')])
}

function json(bytes: ArrayBuffer): string {
  const reader = new JsonReader(bytes)
  const value = reader.read()
  return value === null ? `error: ${reader.error}` : write(value)
}

/** As JSON.stringify would, but that numbers stay as they were written. */
function write(value: Json): string {
  switch (value.kind) {
    case JsonKind.Null:
      return 'null'
    case JsonKind.Boolean:
      return value.truth ? 'true' : 'false'
    case JsonKind.Number:
      return value.text
    case JsonKind.String:
      return quote(value.text)
    case JsonKind.Array:
      return `[${value.items.map<string>((item) => write(item)).join(',')}]`
    default: {
      const out: string[] = []
      for (let i = 0; i < value.items.length; i++) out.push(`${quote(value.names[i])}:${write(value.items[i])}`)
      return `{${out.join(',')}}`
    }
  }
}

registerRootContext((id) => new Root(id))
