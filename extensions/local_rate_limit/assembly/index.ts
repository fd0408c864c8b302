import {
  Bytes,
  Context,
  HeadersAction,
  logWarn,
  Property,
  registerRootContext,
  RootContext,
  sendLocalResponse,
} from "@sluice/assemblyscript"
import { Bucket } from "./bucket"
import { Config } from "./config"

const BODY = Bytes.of("rate_limited")

class LocalRateLimit extends RootContext {
  bucket: Bucket | null = null

  onConfigure(configuration: ArrayBuffer): bool {
    const config = new Config()
    config.read(configuration)
    if (config.error != "") {
      logWarn(config.error)
      logWarn("configuration has errors initialization will not finish")
      return false
    }
    const name = Property.string(["plugin_name"])
    const bucket = new Bucket(name === null ? "" : name, config)
    bucket.fill()
    this.bucket = bucket
    return true
  }

  createContext(id: u32): Context {
    return new LocalRateLimitStream(id, this)
  }
}

class LocalRateLimitStream extends Context {
  constructor(
    id: u32,
    private readonly root: LocalRateLimit,
  ) {
    super(id)
  }

  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    if (this.root.bucket!.take()) return HeadersAction.Continue
    sendLocalResponse(429, "Too many requests", BODY)
    return HeadersAction.StopIteration
  }
}

registerRootContext((id) => new LocalRateLimit(id))
