/** A request for objects, from its path to its answer. */
import type { Exchange } from '../http/exchange.ts'
import { isObject } from '../json.ts'
import { reviews } from '../kinds/reviews.ts'
import type { ApiObject } from '../object.ts'
import type { PodRuntime } from '../pod/runtime.ts'
import { podSubresource } from '../pod/subresources.ts'
import { badRequest, methodNotAllowed, noSuchPath, notFound } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import { applyObject } from './apply.ts'
import { type Api, inVersion, type Write } from './context.ts'
import { deleteObject, deleteOptions } from './delete.ts'
import { Lister } from './list.ts'
import { flag, versionParameter, writeOptions } from './options.ts'
import { applyPatch, patchType } from './patch.ts'
import { listHead, sendList, sendObject } from './represent.ts'
import type { ResourceRequest } from './routes.ts'
import { scaleOf, withScale } from './scale.ts'
import { Watch } from './watch.ts'
import { createObject, requireVersion, updateObject } from './write.ts'

export class ResourceHandler {
  readonly #api: Api
  readonly #lister: Lister
  readonly #podRuntime: () => PodRuntime | undefined
  readonly watches = new Set<Watch>()

  constructor(api: Api, podRuntime: () => PodRuntime | undefined) {
    this.#api = api
    this.#lister = new Lister(api)
    this.#podRuntime = podRuntime
  }

  async handle(exchange: Exchange, request: ResourceRequest): Promise<void> {
    const { target, name, subresource } = request
    exchange.resource = subresource === '' ? target.kind.plural : `${target.kind.plural}/${subresource}`
    const verb = verbOf(exchange, request)
    exchange.verb = verb.toUpperCase()
    if (target.version.deprecation !== undefined) exchange.warnings.push(target.version.deprecation)
    if (subresource !== '' && !hasSubresource(request)) throw noSuchPath()
    if (subresource === '' && !target.kind.verbs.includes(verb)) throw methodNotAllowed(target.kind, verb)
    if (target.kind.storage === 'pods' && (subresource === 'log' || subresource === 'exec')) {
      return podSubresource(exchange, this.#entry(request), subresource, this.#podRuntime())
    }
    switch (verb) {
      case 'get':
        this.#get(exchange, request)
        return
      case 'list':
        sendList(exchange, target, this.#lister.list(target, request.namespace, exchange.query))
        return
      case 'watch':
        this.#watch(exchange, request)
        return
      case 'create':
        return this.#create(exchange, request)
      case 'update':
        return this.#update(exchange, request)
      case 'patch':
        return this.#patch(exchange, request)
      case 'delete':
        return this.#delete(exchange, request)
      case 'deletecollection':
        return this.#deleteCollection(exchange, request)
      default:
        throw methodNotAllowed(target.kind, name === '' ? exchange.method : verb)
    }
  }

  #entry({ target, namespace, name }: ResourceRequest): Entry {
    const entry = this.#api.store.get(target.kind.storage, namespace, name)
    if (entry === undefined) throw notFound(target.kind, name)
    return entry
  }

  #get(exchange: Exchange, request: ResourceRequest): void {
    const { target, subresource } = request
    versionParameter(exchange.query)
    const object = inVersion(target, this.#entry(request).object)
    const { scale } = target.version
    if (subresource === 'scale' && scale !== undefined) exchange.sendJson(200, scaleOf(object, scale))
    else sendObject(exchange, 200, target, object)
  }

  #watch(exchange: Exchange, request: ResourceRequest): void {
    const watch = new Watch(this.#api, exchange, request, (closed) => this.watches.delete(closed))
    this.watches.add(watch)
    try {
      watch.start()
    } catch (error) {
      this.watches.delete(watch)
      throw error
    }
  }

  /** A CRD went away: its watchers have nothing to wait for. */
  endWatches(storage: string): void {
    for (const watch of this.watches) if (watch.storage === storage) watch.close()
  }

  async #create(exchange: Exchange, request: ResourceRequest): Promise<void> {
    const { target } = request
    const body = await this.#object(exchange)
    const write = this.#write(exchange, request, 'CreateOptions', body.duplicates)
    const review = target.kind.verbs.length === 1 ? reviews[target.kind.plural] : undefined
    if (review !== undefined) {
      const { value } = body
      return exchange.sendJson(201, {
        ...value,
        apiVersion: target.apiVersion,
        kind: target.kind.kind,
        metadata: value.metadata ?? {},
        status: review(value, exchange.user),
      })
    }
    const made = createObject(this.#api, write, body.value)
    exchange.warnings.push(...write.warnings)
    sendObject(exchange, 201, target, made)
  }

  async #update(exchange: Exchange, request: ResourceRequest): Promise<void> {
    const { target, subresource, name } = request
    const body = await this.#object(exchange)
    const write = this.#write(exchange, request, 'UpdateOptions', body.duplicates)
    const entry = this.#entry(request)
    if (subresource === 'scale') return this.#scale(exchange, request, entry, body.value, write)
    requireVersion(target, body.value, name)
    const stored = updateObject(this.#api, write, entry, body.value)
    exchange.warnings.push(...write.warnings)
    sendObject(exchange, 200, target, stored)
  }

  async #patch(exchange: Exchange, request: ResourceRequest): Promise<void> {
    const { target, subresource, namespace, name } = request
    const type = patchType(target, exchange.header('content-type') ?? '')
    const decoded = await exchange.body()
    if (decoded === undefined) throw badRequest('the body of a PATCH is the patch; it is empty')
    const write = this.#write(exchange, request, 'PatchOptions', decoded.duplicates, type === 'apply')
    if (type === 'apply') {
      if (!isObject(decoded.value)) throw badRequest('an applied configuration is an object')
      const known = this.#api.store.get(target.kind.storage, namespace, name)
      const made = applyObject(this.#api, write, known, name, decoded.value as unknown as ApiObject)
      exchange.warnings.push(...write.warnings)
      return sendObject(exchange, known === undefined ? 201 : 200, target, made)
    }
    const entry = this.#entry(request)
    if (subresource === 'scale' && target.version.scale !== undefined) {
      const scale = scaleOf(inVersion(target, entry.object), target.version.scale)
      return this.#scale(
        exchange,
        request,
        entry,
        applyPatch(type === 'strategic' ? 'merge' : type, target, scale, decoded.value),
        write,
      )
    }
    const patched = applyPatch(type, target, inVersion(target, entry.object), decoded.value)
    const stored = updateObject(this.#api, write, entry, patched)
    exchange.warnings.push(...write.warnings)
    sendObject(exchange, 200, target, stored)
  }

  #scale(exchange: Exchange, { target }: ResourceRequest, entry: Entry, scale: ApiObject, write: Write): void {
    const paths = target.version.scale
    if (paths === undefined) throw noSuchPath()
    const object = withScale(inVersion(target, entry.object), scale, paths)
    const stored = updateObject(this.#api, { ...write, subresource: '' }, entry, object)
    exchange.sendJson(200, scaleOf(stored, paths))
  }

  async #delete(exchange: Exchange, request: ResourceRequest): Promise<void> {
    const { target, name } = request
    const options = deleteOptions((await exchange.body())?.value, exchange.query)
    const { object, gone } = deleteObject(this.#api, target, this.#entry(request), options)
    if (!gone || target.kind.storage === 'pods') return sendObject(exchange, 200, target, object)
    const { group, plural } = target.kind
    exchange.sendJson(200, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, ...(group === '' ? {} : { group }), kind: plural, uid: object.metadata.uid },
    })
  }

  async #deleteCollection(exchange: Exchange, { target, namespace }: ResourceRequest): Promise<void> {
    const options = deleteOptions((await exchange.body())?.value, exchange.query)
    const listed = this.#lister.list(target, namespace, exchange.query)
    const items = listed.entries.map((entry) => deleteObject(this.#api, target, entry, options).object)
    exchange.sendJson(200, { ...listHead(target, listed), items })
  }

  async #object(exchange: Exchange): Promise<{ value: ApiObject; duplicates: readonly string[] }> {
    const decoded = await exchange.body()
    if (decoded === undefined || !isObject(decoded.value)) throw badRequest('the body is not an object')
    return { value: decoded.value as unknown as ApiObject, duplicates: decoded.duplicates }
  }

  #write(
    exchange: Exchange,
    { target, namespace, subresource }: ResourceRequest,
    kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
    duplicates: readonly string[],
    apply = false,
  ): Write {
    const options = writeOptions(exchange.query, kind, exchange.header('user-agent') ?? '', apply)
    return { target, namespace, subresource, options, duplicates, warnings: [] }
  }
}

function verbOf({ method, query }: Exchange, { name }: ResourceRequest): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (flag(query, 'watch')) return 'watch'
      return name === '' ? 'list' : 'get'
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete'
    default:
      return method.toLowerCase()
  }
}

function hasSubresource({ target, subresource }: ResourceRequest): boolean {
  if (subresource === 'status') return target.version.status
  if (subresource === 'scale') return target.version.scale !== undefined
  return Object.hasOwn(target.kind.subresources, subresource)
}
