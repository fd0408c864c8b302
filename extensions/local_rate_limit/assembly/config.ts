import { Json, JsonReader } from "@sluice/assemblyscript/json"

/** The plugin's configuration. */
export class Config {
  maxTokens: u64 = 0
  tokensPerRefill: u64 = 0
  refillIntervalSeconds: u64 = 0
  /** What is wrong with it; empty when nothing is. */
  error: string = ""

  read(bytes: ArrayBuffer): void {
    const reader = new JsonReader(bytes)
    const root = reader.read()
    if (root === null) {
      this.error = `cannot parse plugin configuration JSON string: ${reader.error}`
      return
    }
    if (!root.isObject) {
      this.error = "cannot parse plugin configuration JSON string: it is no object"
      return
    }
    this.maxTokens = this.count(root, "max_tokens")
    this.tokensPerRefill = this.count(root, "tokens_per_refill")
    this.refillIntervalSeconds = this.count(root, "refill_interval_sec")
  }

  private count(root: Json, key: string): u64 {
    const json = root.get(key)
    const value = json === null ? -1 : json.unsigned
    if (value >= 0) return <u64>value
    if (this.error == "") this.error = json === null ? `${key} must be provided` : `cannot parse ${key}: no whole number from 0`
    return 0
  }
}
