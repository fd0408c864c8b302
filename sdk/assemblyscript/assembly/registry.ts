import { BaseContext, Context, RootContext } from "./context"
import { proxy_set_effective_context } from "./host/imports"
import { Property } from "./property"

type RootFactory = (id: u32) => RootContext

const factories = new Map<string, RootFactory>()
const roots = new Map<u32, RootContext>()
const contexts = new Map<u32, Context>()
/** Calls under way: token to the context that made them. */
const calls = new Map<u32, u32>()

/** The context whose callback runs. */
let current: u32 = 0

/**
 * Names the class of the plugin; call it at the top level. One module can hold several plugins, told apart by their root id;
 * the one without takes every other id too, so that a plugin name in Istio's configuration does no harm.
 */
export function registerRootContext(factory: RootFactory, rootId: string = ""): void {
  factories.set(rootId, factory)
}

export function createContext(id: u32, parent: u32): void {
  current = id
  if (parent != 0) {
    contexts.set(id, rootOf(parent).createContext(id))
    return
  }
  const property = Property.string(["plugin_root_id"])
  const rootId = property ? property : ""
  const known = factories.has(rootId) ? rootId : ""
  assert(factories.has(known), `no root context is registered as "${rootId}"`)
  roots.set(id, factories.get(known)(id))
}

export function deleteContext(id: u32): void {
  if (!contexts.delete(id)) roots.delete(id)
}

export function rootOf(id: u32): RootContext {
  current = id
  return roots.get(id)
}

export function contextOf(id: u32): Context {
  current = id
  return contexts.get(id)
}

export function anyContext(id: u32): BaseContext {
  current = id
  return contexts.has(id) ? contexts.get(id) : roots.get(id)
}

export function rememberCall(token: u32): void {
  calls.set(token, current)
}

/**
 * The answer arrives at the root context, whoever asked: it is passed on to the one that did, with host functions acting on
 * its stream. Of a stream that has ended meanwhile nobody wants it.
 */
export function deliverCall(token: u32, headers: u32, bodySize: u32, trailers: u32): void {
  if (!calls.has(token)) return
  const id = calls.get(token)
  calls.delete(token)
  if (!contexts.has(id) && !roots.has(id)) return
  proxy_set_effective_context(id)
  anyContext(id).onHttpCallResponse(token, headers, bodySize, trailers)
}
