import { Json, JsonReader } from "@sluice/assemblyscript/json"

/** The plugin's configuration. */
export class Config {
  host: string = ""
  cluster: string = ""
  cacheSeconds: u64 = 0
  /** What is wrong with it; empty when nothing is. */
  error: string = ""

  read(bytes: ArrayBuffer): void {
    const reader = new JsonReader(bytes)
    const root = reader.read()
    if (root === null) return this.refuse(`cannot parse plugin configuration JSON string: ${reader.error}`)
    if (!root.isObject) return this.refuse("cannot parse plugin configuration JSON string: it is no object")
    this.host = this.text(root, "opa_service_host")
    this.cluster = this.text(root, "opa_cluster_name")
    const seconds = root.get("check_result_cache_valid_sec")
    if (seconds === null) return
    const value = seconds.unsigned
    if (value < 0) return this.refuse("cannot parse check_result_cache_valid_sec: no whole number from 0")
    this.cacheSeconds = <u64>value
  }

  private text(root: Json, key: string): string {
    const json = root.get(key)
    if (json === null) this.refuse(`${key} must be provided`)
    else if (!json.isString) this.refuse(`cannot parse ${key}: it is no string`)
    else return json.text
    return ""
  }

  private refuse(why: string): void {
    if (this.error == "") this.error = why
  }
}
