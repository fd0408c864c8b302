import type { Labels } from '../../telemetry/metrics.ts'

interface ParsedMetric {
  /** A Prometheus name. */
  readonly name: string
  readonly labels: Labels
}

/**
 * A module's metric as Prometheus shows it. Envoy puts such metrics below `wasmcustom.`, which its Prometheus output leaves out;
 * Istio's modules write labels into the name: `istiocustom.` or nothing, then `label=.=value;.;…` and the metric.
 */
export function parseMetricName(raw: string): ParsedMetric {
  const text = raw.replace(/^(wasmcustom|istiocustom)\./, '')
  const labels: Record<string, string> = {}
  const parts = text.split(';.;')
  const base = parts.pop() as string
  let name = base
  for (const part of parts) {
    const split = part.indexOf('=.=')
    if (split < 0) name = `${part}_${name}`
    else labels[labelName(part.slice(0, split))] = part.slice(split + 3)
  }
  return { name: metricName(name), labels }
}

/** What Envoy's Prometheus formatter does to a name. */
function metricName(text: string): string {
  const safe = text.replace(/[^a-zA-Z0-9_:]/g, '_')
  return /^[a-zA-Z_:]/.test(safe) ? safe : `_${safe}`
}

function labelName(text: string): string {
  const safe = text.replace(/[^a-zA-Z0-9_]/g, '_')
  return /^[a-zA-Z_]/.test(safe) ? safe : `_${safe}`
}
