import {
  Bytes,
  Context,
  Header,
  HeadersAction,
  logWarn,
  registerRootContext,
  requestHeaders,
  RootContext,
  sendLocalResponse,
} from "@sluice/assemblyscript"
import { challenge } from "./challenge"
import { Config } from "./config"
import { RequestHost } from "./host"
import { RequestPath } from "./path"
import { Rule } from "./rule"

const METHOD = Bytes.of(":method")
const PATH = Bytes.of(":path")
const AUTHORITY = Bytes.of(":authority")
const AUTHORIZATION = Bytes.of("authorization")
const SCHEME = Bytes.of("Basic ")
const EMPTY = new ArrayBuffer(0)

const NO_CREDENTIALS = "Request denied by Basic Auth check. No Basic Authentication information found."
const WRONG_CREDENTIALS = "Request denied by Basic Auth check. Invalid username and/or password"

class BasicAuth extends RootContext {
  rules: Rule[] = []
  challenge: Header[] = []

  onConfigure(configuration: ArrayBuffer): bool {
    const config = new Config()
    config.read(configuration)
    if (config.error != "") {
      logWarn(config.error)
      logWarn("configuration has errors initialization will not finish")
      return false
    }
    this.rules = config.rules
    this.challenge = [new Header("WWW-Authenticate", challenge(config.realm))]
    return true
  }

  createContext(id: u32): Context {
    return new BasicAuthStream(id, this)
  }
}

class BasicAuthStream extends Context {
  constructor(
    id: u32,
    private readonly root: BasicAuth,
  ) {
    super(id)
  }

  /** Every rule that covers the request has to accept it. */
  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    const rules = this.root.rules
    const method = header(METHOD)
    let path: RequestPath | null = null
    let host: RequestHost | null = null
    let hostRead = false
    for (let i = 0, k = rules.length; i < k; i++) {
      const rule = unchecked(rules[i])
      if (!rule.coversMethod(method)) continue
      if (path === null) path = new RequestPath(header(PATH))
      if (!rule.coversPath(path)) continue
      if (rule.hosts.length > 0 && !hostRead) {
        const authority = header(AUTHORITY)
        host = authority.byteLength == 0 ? null : new RequestHost(authority)
        hostRead = true
      }
      if (!rule.coversHost(host)) continue
      const denial = check(rule)
      if (denial == "") continue
      sendLocalResponse(401, denial, EMPTY, this.root.challenge)
      return HeadersAction.StopIteration
    }
    return HeadersAction.Continue
  }
}

function check(rule: Rule): string {
  const authorization = header(AUTHORIZATION)
  if (!Bytes.startsWith(authorization, SCHEME)) return NO_CREDENTIALS
  return rule.accepts(authorization.slice(SCHEME.byteLength)) ? "" : WRONG_CREDENTIALS
}

function header(name: ArrayBuffer): ArrayBuffer {
  const value = requestHeaders.getBytes(name)
  return value ? value : EMPTY
}

registerRootContext((id) => new BasicAuth(id))
