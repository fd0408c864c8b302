import {
  type Lua,
  type LuaPerRoute,
  LuaPerRouteSchema,
  LuaSchema,
} from '../../../gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { LuaVm } from '../../lua/index.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { LuaDirection } from './lua-direction.ts'

/** What a route says: a script of its own, one by name, or none. */
export interface RouteScript {
  readonly disabled: boolean
  readonly name: string
  readonly vm: LuaVm | undefined
  /** What `filterContext()` gives. */
  readonly context: Readonly<Record<string, unknown>>
}

/** The scripts of one filter, each loaded once per worker: its own, and those that routes choose by name. */
export class LuaSettings {
  readonly context: FactoryContext
  readonly main: LuaVm | undefined
  /** A script that changes headers of the request changes its route. */
  readonly clearsRoute: boolean
  readonly #named = new Map<string, LuaVm>()
  readonly errors
  readonly executions

  constructor(config: Lua, context: FactoryContext) {
    onlyFields(
      LuaSchema,
      config,
      ['inline_code', 'source_codes', 'default_source_code', 'stat_prefix', 'clear_route_cache'],
      'lua',
    )
    if (config.inlineCode !== '' && config.defaultSourceCode !== undefined) {
      throw invalid('lua', 'only one of inline_code and default_source_code may be set')
    }
    this.context = context
    this.clearsRoute = config.clearRouteCache ?? true
    const code =
      config.defaultSourceCode === undefined
        ? config.inlineCode
        : dataSource(config.defaultSourceCode, 'lua.default_source_code').toString('utf8')
    this.main = code === '' ? undefined : new LuaVm(code, context.filterName)
    for (const [name, source] of Object.entries(config.sourceCodes)) {
      this.#named.set(name, new LuaVm(dataSource(source, `lua.source_codes["${name}"]`).toString('utf8'), name))
    }
    const prefix = config.statPrefix === '' ? '' : `${config.statPrefix}.`
    const scope = context.stats.scope(`${context.statPrefix}lua.${prefix}`)
    this.errors = scope.counter('errors')
    this.executions = scope.counter('executions')
  }

  vmFor(route: RouteScript | undefined): LuaVm | undefined {
    if (route === undefined) return this.main
    if (route.disabled) return undefined
    if (route.vm !== undefined) return route.vm
    return route.name === '' ? this.main : this.#named.get(route.name)
  }

  close(): void {
    this.main?.close()
    for (const vm of this.#named.values()) vm.close()
  }
}

/** `envoy.filters.http.lua`: runs a script's `envoy_on_request` and `envoy_on_response` as coroutines. */
export const luaFilter: HttpFilterFactory<typeof LuaSchema, typeof LuaPerRouteSchema> = {
  name: 'envoy.filters.http.lua',
  configType: LuaSchema,
  routeConfigType: LuaPerRouteSchema,
  create(config, context) {
    const settings = new LuaSettings(config, context)
    return {
      extension: true,
      createFilter: (callbacks: HttpFilterCallbacks) => {
        const vm = settings.vmFor(callbacks.routeConfig<RouteScript>())
        return vm === undefined ? undefined : new LuaFilter(callbacks, settings, vm)
      },
      destroy: () => settings.close(),
    }
  },
  createRouteConfig(config: LuaPerRoute): RouteScript {
    const { override, filterContext } = config
    const rule = { disabled: false, name: '', vm: undefined, context: filterContext ?? {} }
    switch (override.case) {
      case 'disabled':
        return { ...rule, disabled: override.value }
      case 'name':
        return { ...rule, name: override.value }
      case 'sourceCode':
        return { ...rule, vm: new LuaVm(dataSource(override.value, 'lua.source_code').toString('utf8'), 'route') }
      default:
        if (filterContext === undefined) throw invalid('lua', 'an override is missing')
        return rule
    }
  },
}

class LuaFilter implements HttpFilter {
  readonly #request: LuaDirection | undefined
  readonly #response: LuaDirection | undefined

  constructor(callbacks: HttpFilterCallbacks, settings: LuaSettings, vm: LuaVm) {
    this.#request = vm.hasRequest ? new LuaDirection(callbacks, settings, vm, false) : undefined
    this.#response = vm.hasResponse ? new LuaDirection(callbacks, settings, vm, true) : undefined
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    return this.#request?.onHeaders(headers, endStream) ?? FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    return this.#request?.onData(data, endStream) ?? FilterDataStatus.Continue
  }

  decodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    return this.#request?.onTrailers(trailers) ?? FilterTrailersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    return this.#response?.onHeaders(headers, endStream) ?? FilterHeadersStatus.Continue
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    return this.#response?.onData(data, endStream) ?? FilterDataStatus.Continue
  }

  encodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    return this.#response?.onTrailers(trailers) ?? FilterTrailersStatus.Continue
  }

  onDestroy(): void {
    this.#request?.cancel()
    this.#response?.cancel()
  }
}
