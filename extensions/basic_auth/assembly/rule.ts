import { Bytes } from "@sluice/assemblyscript"
import { HostPattern, RequestHost } from "./host"
import { RequestPath } from "./path"

export enum PathMatch {
  Prefix,
  Exact,
  Suffix,
}

/** Who may pass where. */
export class Rule {
  readonly hosts: HostPattern[] = []
  readonly methods: ArrayBuffer[] = []
  /** What stands after `Basic `. */
  readonly credentials: ArrayBuffer[] = []
  private readonly pattern: ArrayBuffer
  private readonly withQuery: bool

  constructor(
    private readonly match: PathMatch,
    pattern: string,
  ) {
    this.pattern = Bytes.of(pattern)
    this.withQuery = pattern.includes("?")
  }

  coversMethod(method: ArrayBuffer): bool {
    for (let i = 0, k = this.methods.length; i < k; i++) {
      if (Bytes.equal(this.methods[i], method)) return true
    }
    return false
  }

  /** Null: the request names no host. Then no rule can be said not to be about it. */
  coversHost(host: RequestHost | null): bool {
    const count = this.hosts.length
    if (count == 0 || host === null) return true
    for (let i = 0; i < count; i++) {
      if (this.hosts[i].matches(host)) return true
    }
    return false
  }

  coversPath(path: RequestPath): bool {
    if (this.withQuery) return this.fits(path.whole)
    if (this.fits(path.path)) return true
    return path.normal !== path.path && this.fits(path.normal)
  }

  /** Looks at all of them whichever fits, so that the time tells nothing. */
  accepts(given: ArrayBuffer): bool {
    let found = false
    for (let i = 0, k = this.credentials.length; i < k; i++) {
      const equal = Bytes.equalConstantTime(given, this.credentials[i])
      found = bool(<i32>found | <i32>equal)
    }
    return found
  }

  private fits(path: ArrayBuffer): bool {
    switch (this.match) {
      case PathMatch.Prefix:
        return Bytes.startsWith(path, this.pattern)
      case PathMatch.Suffix:
        return Bytes.endsWith(path, this.pattern)
      default:
        return Bytes.equal(path, this.pattern)
    }
  }
}
