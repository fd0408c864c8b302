import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import type { RouteConfigCompiler } from '../route/per-filter-config.ts'
import { RouteTable } from '../route/route-table.ts'
import { SharedCells } from '../shared-cells.ts'

/** Compiles for one route configuration, whose numbers the workers share. */
type CompilerFor = (cells: SharedCells) => RouteConfigCompiler

/** A route configuration that may be replaced while listeners use it. */
class RouteHolder {
  table: RouteTable | undefined
}

/** Route configurations by name, as RDS delivers them. */
export class RouteStore {
  readonly #holders = new Map<string, RouteHolder>()
  readonly #compile: CompilerFor
  readonly #hasCluster: (name: string) => boolean

  constructor(compile: CompilerFor, hasCluster: (name: string) => boolean) {
    this.#compile = compile
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

  inline(proto: RouteConfiguration, path: string, memory: SharedArrayBuffer | undefined): RouteHolder {
    const holder = new RouteHolder()
    holder.table = this.#table(proto, path, memory)
    return holder
  }

  /** Throws when the routes cannot work. */
  prepare(proto: RouteConfiguration, memory: SharedArrayBuffer): RouteTable {
    return this.#table(proto, undefined, memory)
  }

  install(table: RouteTable): void {
    this.holder(table.name).table = table
  }

  /** Forgets the name; listeners that use these routes keep them. */
  forget(name: string): void {
    this.#holders.delete(name)
  }

  #table(proto: RouteConfiguration, path: string | undefined, memory: SharedArrayBuffer | undefined): RouteTable {
    return new RouteTable(proto, this.#compile(new SharedCells(memory)), path, this.#hasCluster)
  }
}
