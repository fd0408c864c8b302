import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import type { RouteConfigCompiler } from '../route/per-filter-config.ts'
import { RouteTable } from '../route/route-table.ts'

/** A route configuration that may be replaced while listeners use it. */
export class RouteHolder {
  table: RouteTable | undefined
}

/** Route configurations by name, as RDS delivers them. */
export class RouteStore {
  readonly #holders = new Map<string, RouteHolder>()
  readonly compile: RouteConfigCompiler
  readonly #hasCluster: (name: string) => boolean

  constructor(compile: RouteConfigCompiler, hasCluster: (name: string) => boolean) {
    this.compile = compile
    this.#hasCluster = hasCluster
  }

  holder(name: string): RouteHolder {
    let holder = this.#holders.get(name)
    if (holder === undefined) {
      holder = new RouteHolder()
      this.#holders.set(name, holder)
    }
    return holder
  }

  inline(proto: RouteConfiguration, path: string): RouteHolder {
    const holder = new RouteHolder()
    holder.table = new RouteTable(proto, this.compile, path, this.#hasCluster)
    return holder
  }

  /** Throws when the routes cannot work. */
  prepare(proto: RouteConfiguration): RouteTable {
    return new RouteTable(proto, this.compile, undefined, this.#hasCluster)
  }

  install(table: RouteTable): void {
    this.holder(table.name).table = table
  }
}
