import {
  Bytes,
  callResponseBody,
  callResponseHeaders,
  Context,
  continueRequest,
  Header,
  HeadersAction,
  httpCall,
  logDebug,
  logWarn,
  Metric,
  Property,
  registerRootContext,
  RootContext,
  sendLocalResponse,
} from "@sluice/assemblyscript"
import { Json, JsonKind, JsonReader, quote } from "@sluice/assemblyscript/json"
import { Config } from "./config"
import { Verdicts } from "./verdicts"

const TIMEOUT_MILLISECONDS: u32 = 5000
const POLICY = "/v1/data/test/allow"

class OpenPolicyAgent extends RootContext {
  config: Config = new Config()
  verdicts: Verdicts = new Verdicts(0)
  hits: Metric | null = null
  misses: Metric | null = null

  onConfigure(configuration: ArrayBuffer): bool {
    const config = new Config()
    config.read(configuration)
    if (config.error != "") {
      logWarn(config.error)
      logWarn("configuration has errors initialization will not finish")
      return false
    }
    this.config = config
    this.verdicts = new Verdicts(config.cacheSeconds)
    this.hits = Metric.counter("wasm_filter.opa_filter.cache.hit.policy_cache_count")
    this.misses = Metric.counter("wasm_filter.opa_filter.cache.miss.policy_cache_count")
    return true
  }

  createContext(id: u32): Context {
    return new OpenPolicyAgentStream(id, this)
  }
}

class OpenPolicyAgentStream extends Context {
  private question: string = ""

  constructor(
    id: u32,
    private readonly root: OpenPolicyAgent,
  ) {
    super(id)
  }

  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    this.question = question()
    const known = this.root.verdicts.find(this.question)
    if (known >= 0) {
      this.root.hits!.add()
      return known == 1 ? HeadersAction.Continue : deny()
    }
    this.root.misses!.add()
    const headers = [
      new Header(":method", "POST"),
      new Header(":path", POLICY),
      new Header(":authority", this.root.config.host),
      new Header("content-type", "application/json"),
    ]
    const token = httpCall(this.root.config.cluster, headers, Bytes.of(this.question), [], TIMEOUT_MILLISECONDS)
    if (token == 0) sendLocalResponse(500, "OPA policy check call failed")
    return HeadersAction.StopIteration
  }

  onHttpCallResponse(token: u32, headers: u32, bodySize: u32, trailers: u32): void {
    const verdict = headers == 0 ? -1 : readVerdict()
    if (verdict < 0) {
      sendLocalResponse(500, "OPA policy check failed")
      return
    }
    this.root.verdicts.keep(this.question, verdict == 1)
    if (verdict == 1) continueRequest()
    else deny()
  }
}

function deny(): HeadersAction {
  sendLocalResponse(403, "OPA policy check denied")
  return HeadersAction.StopIteration
}

/** The input of the policy, with its names in alphabetical order. */
function question(): string {
  const workload = text(["node", "metadata", "WORKLOAD_NAME"])
  const method = text(["request", "method"])
  const path = text(["request", "url_path"])
  const principal = text(["connection", "uri_san_peer_certificate"])
  return `{"input":{"destination_workload":${workload},"request_method":${method},"request_url_path":${path},"source_principal":${principal}}}`
}

function text(property: string[]): string {
  const value = Property.string(property)
  return quote(value === null ? "" : value)
}

/** 1 allowed, 0 denied, -1 no answer that says either. */
function readVerdict(): i32 {
  if (callResponseHeaders.get(":status") != "200") {
    logDebug(`OPA answered ${callResponseHeaders.get(":status")}`)
    return -1
  }
  const reader = new JsonReader(callResponseBody.bytes())
  const root = reader.read()
  if (root === null || !root.isObject) {
    logDebug("OPA did not answer a JSON object")
    return -1
  }
  const result = root.get("result")
  if (result === null) {
    logWarn("result must be provided in OPA's answer: is there a rule test.allow?")
    return -1
  }
  return truthOf(result)
}

function truthOf(json: Json): i32 {
  if (json.kind == JsonKind.Boolean) return json.truth ? 1 : 0
  if (json.isString && json.text == "true") return 1
  if (json.isString && json.text == "false") return 0
  return -1
}

registerRootContext((id) => new OpenPolicyAgent(id))
