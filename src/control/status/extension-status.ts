import type { Condition } from '../../kube/index.ts'
import type { ExtensionReport } from '../../xds/index.ts'
import { type Extension, filterName } from '../model/extension.ts'
import type { DeliveryLog } from './delivery.ts'
import { reasonFor } from './reasons.ts'

/** A connected proxy that an extension attaches to. */
export interface ProxyView {
  /** `pod.namespace`. */
  readonly name: string
  readonly delivery: DeliveryLog
}

/** What the status of an extension says. */
export interface ExtensionStatus {
  readonly observedGeneration: number | undefined
  readonly conditions: readonly Condition[]
  /** Of the module that the proxies run. */
  readonly digest: string | undefined
  /** Where it came from in fact, when that is not the URL of the spec. */
  readonly source: string | undefined
  readonly proxies: { readonly attached: number; readonly ready: number }
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>

/** What is true of an extension, from its own text, the objects it refers to, and what the proxies and their agents said. */
export function extensionStatus(
  extension: Extension,
  refsProblem: { reason: string; message: string } | undefined,
  proxies: readonly ProxyView[],
): ExtensionStatus {
  const accepted = isAccepted(extension)
  const resolved: Verdict =
    refsProblem === undefined
      ? yes('ResolvedRefs', 'all references are resolved')
      : no(refsProblem.reason, refsProblem.message)
  const module = moduleReady(extension, proxies)
  const programmed = isProgrammed(extension, proxies)
  const parts = { Accepted: accepted, ResolvedRefs: resolved, ModuleReady: module, Programmed: programmed }
  const observedGeneration = extension.object.metadata.generation
  const conditions = Object.entries({ ...parts, Ready: summary(Object.values(parts)) }).map(([type, verdict]) => ({
    type,
    ...verdict,
    observedGeneration,
  }))
  const reports = reportsOf(extension, proxies)
  return {
    observedGeneration,
    conditions,
    digest: reports.find((report) => report.digest !== undefined && report.state === 'ready')?.digest,
    source: reports.find((report) => report.source !== undefined)?.source,
    proxies: {
      attached: proxies.length,
      ready: proxies.filter((proxy) => stateOn(extension, proxy) === 'ready').length,
    },
  }
}

function yes(reason: string, message: string): Verdict {
  return { status: 'True', reason, message }
}

function no(reason: string, message: string): Verdict {
  return { status: 'False', reason, message }
}

function unknown(reason: string, message: string): Verdict {
  return { status: 'Unknown', reason, message }
}

function isAccepted(extension: Extension): Verdict {
  if (extension.invalid === undefined) return yes('Accepted', 'the extension is valid')
  return no('Invalid', extension.invalid)
}

const NO_MATCH = no('NoMatchingProxies', 'no connected proxy is selected by selector, targetRefs and match')

function moduleReady(extension: Extension, proxies: readonly ProxyView[]): Verdict {
  if (extension.invalid !== undefined) return no('Invalid', 'the extension is not used')
  if (extension.lua !== undefined) return yes('Inline', 'the Lua code is part of the extension')
  if (proxies.length === 0) return unknown('NoMatchingProxies', 'no proxy has asked for the module')
  const failures: string[] = []
  let reason: string | undefined
  let ready = 0
  let silent = 0
  for (const proxy of proxies) {
    const report = reportOf(extension, proxy)
    const delivery = proxy.delivery.extension(filterName(extension))
    if (report !== undefined && hasFailed(report)) {
      const parts = [proxy.name, report.code, report.message, report.state === 'fetching' ? 'trying again' : undefined]
      failures.push(parts.filter((part) => part !== undefined).join(': '))
      reason ??= reasonFor(`${report.message ?? ''} ${report.code ?? ''}`) ?? reasonFor(report.code)
    } else if (delivery.state === 'rejected') {
      failures.push(`${proxy.name}: ${delivery.error}`)
      reason ??= reasonFor(delivery.error)
    } else if (report?.state === 'ready' && delivery.state === 'accepted') ready++
    else if (report === undefined && delivery.state === 'accepted' && !proxy.delivery.reporting) silent++
  }
  if (failures.length > 0) {
    return no(reason ?? 'ModuleFailed', `${failures.length} of ${proxies.length} proxies: ${failures.join('; ')}`)
  }
  if (ready === proxies.length) return yes('Ready', readyText(extension, proxies))
  if (ready + silent === proxies.length) {
    return unknown('NotReported', `the agents of ${silent} of ${proxies.length} proxies do not report modules`)
  }
  return unknown('Pending', `${ready} of ${proxies.length} proxies have the module`)
}

function readyText(extension: Extension, proxies: readonly ProxyView[]): string {
  const reports = reportsOf(extension, proxies)
  const source = reports.find((report) => report.source !== undefined)?.source
  const from = source === undefined ? '' : `, pulled from ${source}`
  const warning = reports.find((report) => report.message !== undefined)?.message
  const told = warning === undefined ? '' : `; warning: ${warning}`
  return `${proxies.length} of ${proxies.length} proxies have ${reports[0]?.digest ?? 'the module'}${from}${told}`
}

function isProgrammed(extension: Extension, proxies: readonly ProxyView[]): Verdict {
  if (extension.invalid !== undefined) return no('Invalid', 'the extension is not used')
  if (proxies.length === 0) return NO_MATCH
  const rejections: string[] = []
  let programmed = 0
  let failed = 0
  for (const proxy of proxies) {
    const state = stateOn(extension, proxy)
    if (state === 'ready') programmed++
    else if (state === 'failed') failed++
    else if (state !== 'pending') rejections.push(`${proxy.name}: ${state.rejected}`)
  }
  const count = `${programmed} of ${proxies.length} proxies`
  if (rejections.length > 0) return no('Rejected', `${count}; rejected by ${rejections.join('; ')}`)
  if (failed > 0) return no('ModuleNotReady', `${count}; the others do as failStrategy says`)
  if (programmed < proxies.length) return unknown('Pending', count)
  return yes('Programmed', count)
}

/** How far one proxy is: an answer of the proxy alone may be to what the agent put in the module's place. */
function stateOn(
  extension: Extension,
  proxy: ProxyView,
): 'ready' | 'pending' | 'failed' | { readonly rejected: string } {
  const listeners = proxy.delivery.listeners()
  const answers =
    extension.wasm === undefined ? [listeners] : [listeners, proxy.delivery.extension(filterName(extension))]
  const rejected = answers.find((answer) => answer.state === 'rejected')
  if (rejected !== undefined) return { rejected: rejected.error ?? '' }
  const report = extension.wasm === undefined ? undefined : reportOf(extension, proxy)
  if (report !== undefined && hasFailed(report)) return 'failed'
  if (report?.state === 'fetching') return 'pending'
  return answers.every((answer) => answer.state === 'accepted') ? 'ready' : 'pending'
}

/** An agent that still tries may tell what went wrong so far. */
function hasFailed(report: ExtensionReport): boolean {
  return report.state === 'failed' || (report.state === 'fetching' && report.message !== undefined)
}

/** A report about a former edit of the object says nothing about this one. */
function reportOf(extension: Extension, proxy: ProxyView): ExtensionReport | undefined {
  const report = proxy.delivery.report(filterName(extension))
  if (report?.resourceVersion !== undefined && report.resourceVersion !== extension.revision) return undefined
  return report
}

function reportsOf(extension: Extension, proxies: readonly ProxyView[]): ExtensionReport[] {
  return proxies.map((proxy) => reportOf(extension, proxy)).filter((report) => report !== undefined)
}

/** False beats unknown beats true; the first False in order of cause gives reason and message. */
function summary(parts: readonly Verdict[]): Verdict {
  const wrong = parts.find((part) => part.status === 'False')
  if (wrong !== undefined) return wrong
  const open = parts.find((part) => part.status === 'Unknown' && part.reason === 'Pending')
  if (open !== undefined) return open
  // What an agent of another make does not tell is no reason to doubt what the proxy acknowledged.
  return yes('Ready', parts[parts.length - 1].message)
}
