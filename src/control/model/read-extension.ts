import { createHash } from 'node:crypto'
import type { JsonObject } from '@bufbuild/protobuf'
import { messageOf } from '../../errors.ts'
import type { KubeObject } from '../../kube/index.ts'
import { parseHostSettings } from '../../wasm/index.ts'
import { WASM_HOST_ANNOTATION } from '../../xds/index.ts'
import type {
  EnvVar,
  Extension,
  FailStrategy,
  Mode,
  Phase,
  PluginType,
  TargetRef,
  TrafficSelector,
  WasmSpec,
} from './extension.ts'
import { WASM_PLUGIN_SUFFIX } from './extension.ts'
import { moduleUrlProblem } from './module-url.ts'

const MAX_LUA = 65536

// biome-ignore lint/suspicious/noExplicitAny: the spec of an object that the API server has checked against its CRD
type Spec = Record<string, any>

/** Reads a TrafficExtension. What the API server should have refused makes it invalid, never half-used. */
export function readTrafficExtension(object: KubeObject): Extension {
  const spec: Spec = object['spec'] ?? {}
  return build(object, spec, spec['wasm'], spec['lua']?.inlineCode, '')
}

/**
 * Reads a WasmPlugin as the TrafficExtension that stands for it: a singular targetRef counts only where there is no list; labels and
 * annotations stay behind. Unlike Istio's translation, verificationKey is kept.
 */
export function readWasmPlugin(object: KubeObject): Extension {
  const spec: Spec = object['spec'] ?? {}
  const plural: unknown[] = spec['targetRefs'] ?? []
  const targetRefs = plural.length > 0 || spec['targetRef'] == null ? plural : [spec['targetRef']]
  return build(object, { ...spec, targetRefs }, spec, undefined, WASM_PLUGIN_SUFFIX)
}

function build(object: KubeObject, spec: Spec, wasmSpec: Spec | undefined, lua: unknown, suffix: string): Extension {
  const { name, namespace = '', creationTimestamp } = object.metadata
  const wasm =
    wasmSpec == null ? undefined : readWasm(wasmSpec, object.metadata.annotations?.[WASM_HOST_ANNOTATION] ?? '')
  const created = Date.parse(creationTimestamp ?? '')
  return {
    object,
    namespace,
    name: name + suffix,
    revision: revisionOf(object),
    createdAt: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
    selector: spec['selector'] == null ? undefined : (spec['selector'].matchLabels ?? {}),
    targetRefs: (spec['targetRefs'] ?? []).map(readRef),
    phase: readPhase(spec['phase']),
    priority: spec['priority'] ?? 0,
    match: (spec['match'] ?? []).filter((entry: unknown) => entry != null).map(readMatch),
    wasm,
    lua: typeof lua === 'string' ? lua : undefined,
    invalid: findInvalid(wasm, lua),
  }
}

function revisionOf({ metadata }: KubeObject): string {
  const { uid, generation, labels, annotations, resourceVersion } = metadata
  if (uid === undefined || generation === undefined) return resourceVersion ?? ''
  const edits = JSON.stringify([uid, generation, labels ?? {}, annotations ?? {}])
  return createHash('sha256').update(edits).digest('hex').slice(0, 16)
}

function findInvalid(wasm: WasmSpec | undefined, lua: unknown): string | undefined {
  if (wasm !== undefined && lua !== undefined) return 'exactly one of wasm or lua must be set'
  if (wasm !== undefined) {
    if (wasm.url === '') return 'wasm.url is required'
    return moduleUrlProblem(wasm.url) ?? hostProblem(wasm.host)
  }
  if (lua === undefined) return 'neither wasm nor lua is set'
  if (typeof lua !== 'string' || lua === '') return 'lua.inlineCode cannot be empty'
  if (Buffer.byteLength(lua) > MAX_LUA) return 'lua.inlineCode exceeds maximum size of 64KB'
  return undefined
}

function hostProblem(host: string): string | undefined {
  if (host === '') return undefined
  try {
    parseHostSettings(host, `annotation ${WASM_HOST_ANNOTATION}`)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function readWasm(spec: Spec, host: string): WasmSpec {
  const policy = spec['imagePullPolicy']
  const env: Spec[] = spec['vmConfig']?.env ?? []
  return {
    url: spec['url'] ?? '',
    sha256: spec['sha256'] ?? '',
    imagePullPolicy: policy === 'IfNotPresent' || policy === 'Always' ? policy : undefined,
    imagePullSecret: spec['imagePullSecret'] ?? '',
    verificationKey: spec['verificationKey'] ?? '',
    pluginConfig: spec['pluginConfig'] as JsonObject | undefined,
    pluginName: spec['pluginName'] ?? '',
    failStrategy: (spec['failStrategy'] as FailStrategy | undefined) ?? 'FAIL_CLOSE',
    env: env.map(readEnv),
    host,
    type: (spec['type'] === 'NETWORK' ? 'NETWORK' : 'HTTP') satisfies PluginType,
  }
}

function readEnv(env: Spec): EnvVar {
  return { name: env['name'] ?? '', value: env['value'] ?? '', fromHost: env['valueFrom'] === 'HOST' }
}

function readRef(ref: Spec): TargetRef {
  return {
    group: ref['group'] ?? '',
    kind: ref['kind'] ?? '',
    name: ref['name'] ?? '',
    namespace: ref['namespace'] ?? '',
  }
}

function readPhase(phase: unknown): Phase {
  return phase === 'AUTHN' || phase === 'AUTHZ' || phase === 'STATS' ? phase : 'UNSPECIFIED'
}

function readMatch(match: Spec): TrafficSelector {
  const mode: Mode = match['mode'] === 'CLIENT' || match['mode'] === 'SERVER' ? match['mode'] : 'CLIENT_AND_SERVER'
  const ports = (match['ports'] ?? []).filter((port: unknown) => port != null).map((port: Spec) => port['number'] ?? 0)
  return { mode, ports }
}
