import { Bytes } from "@sluice/assemblyscript"
import { Base64 } from "@sluice/assemblyscript/base64"
import { Json, JsonReader } from "@sluice/assemblyscript/json"
import { HostPattern } from "./host"
import { PathMatch, Rule } from "./rule"

const PATH_KEYS = ["prefix", "exact", "suffix"]

/** The plugin's configuration. Messages never hold values: credentials do not belong in a log. */
export class Config {
  rules: Rule[] = []
  realm: string = "istio"
  /** What is wrong with it; empty when nothing is. */
  error: string = ""

  read(bytes: ArrayBuffer): void {
    // No configuration at all: nothing is restricted.
    if (bytes.byteLength == 0) return
    const reader = new JsonReader(bytes)
    const root = reader.read()
    if (root === null) this.refuse(`cannot parse plugin configuration JSON string: ${reader.error}`)
    else if (!root.isObject) this.refuse("cannot parse plugin configuration JSON string: it is no object")
    else this.readRoot(root)
  }

  private readRoot(root: Json): void {
    const realm = root.get("realm")
    if (realm !== null) {
      if (!realm.isString) return this.refuse("cannot parse realm: it is no string")
      if (hasControl(realm.text)) return this.refuse("cannot parse realm: it has a control character")
      this.realm = realm.text
    }
    const rules = root.get("basic_auth_rules")
    if (rules === null) return
    if (!rules.isArray) return this.refuse("cannot parse plugin configuration JSON string: basic_auth_rules is no array")
    for (let i = 0, k = rules.items.length; i < k; i++) {
      const rule = this.rule(rules.items[i], `basic_auth_rules[${i}]`)
      if (rule === null) return
      this.rules.push(rule)
    }
  }

  private rule(json: Json, where: string): Rule | null {
    let key = ""
    for (let i = 0; i < PATH_KEYS.length; i++) {
      if (json.get(PATH_KEYS[i]) === null) continue
      if (key != "") return this.refuseRule(where, "exactly one of prefix, suffix or exact must be present")
      key = PATH_KEYS[i]
    }
    if (key == "") return this.refuseRule(where, "exactly one of prefix, suffix or exact must be present")
    const pattern = json.get(key)!
    if (!pattern.isString) return this.refuseRule(where, `failed to parse '${key}' field: it is no string`)
    if (key == "exact" && pattern.text == "") return this.refuseRule(where, "'exact' is empty: no path is")
    const match = key == "prefix" ? PathMatch.Prefix : key == "exact" ? PathMatch.Exact : PathMatch.Suffix
    const rule = new Rule(match, pattern.text)

    const hosts = this.strings(json, "hosts", where, "failed to parse request hosts")
    const methods = this.strings(json, "request_methods", where, "failed to parse request methods")
    const credentials = this.strings(json, "credentials", where, "failed to parse credentials")
    if (hosts === null || methods === null || credentials === null) return null
    if (methods.length == 0) return this.refuseRule(where, "at least one method has to be configured in request_methods")
    if (credentials.length == 0) return this.refuseRule(where, "at least one credential has to be configured")
    for (let i = 0; i < hosts.length; i++) rule.hosts.push(new HostPattern(hosts[i]))
    for (let i = 0; i < methods.length; i++) rule.methods.push(Bytes.of(methods[i]))
    // Servers answer HEAD by what they do for GET, so whoever may not GET may not HEAD.
    if (methods.includes("GET") && !methods.includes("HEAD")) rule.methods.push(Bytes.of("HEAD"))
    for (let i = 0; i < credentials.length; i++) {
      const encoded = encodedCredential(credentials[i])
      if (encoded === null) {
        return this.refuseRule(where, `failed to parse credentials[${i}]: neither user:password nor base64`)
      }
      rule.credentials.push(Bytes.of(encoded))
    }
    return rule
  }

  /** Empty when the key is absent; null, after `refuse`, when it is no array of strings. */
  private strings(json: Json, key: string, where: string, what: string): string[] | null {
    const out: string[] = []
    const list = json.get(key)
    if (list === null) return out
    if (!list.isArray) {
      this.refuseRule(where, `${what}: ${key} is no array`)
      return null
    }
    for (let i = 0, k = list.items.length; i < k; i++) {
      if (!list.items[i].isString) {
        this.refuseRule(where, `${what}: ${key}[${i}] is no string`)
        return null
      }
      out.push(list.items[i].text)
    }
    return out
  }

  private refuseRule(where: string, why: string): Rule | null {
    this.refuse(`${where}: ${why}`)
    return null
  }

  private refuse(why: string): void {
    if (this.error == "") this.error = why
  }
}

/** `user:password` is encoded; anything else has to be encoded already. */
function encodedCredential(text: string): string | null {
  if (text.includes(":")) return Base64.encode(Bytes.of(text))
  const decoded = Base64.decode(text)
  return decoded !== null && decoded.byteLength > 0 ? text : null
}

function hasControl(text: string): bool {
  for (let i = 0, k = text.length; i < k; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code == 0x7f) return true
  }
  return false
}
