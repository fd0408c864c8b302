/**
 * Metric cells and their Prometheus text form. A cell is a plain object whose field is added to, because a general library's
 * bound counter costs fifty times as much (facts in RATIONALE.md) and Wasm modules write metrics on the request path.
 */
export type MetricType = 'counter' | 'gauge' | 'histogram'

/** Values by name; the metrics of a family differ in them. */
export type Labels = Readonly<Record<string, string>>

/** A counter or a gauge. */
export class Cell {
  value = 0

  add(amount = 1): void {
    this.value += amount
  }

  set(value: number): void {
    this.value = value
  }
}

/** Counts per upper bound, as Prometheus has them. */
export class HistogramCell {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array(bounds.length).fill(0)
  }

  record(value: number): void {
    this.sum += value
    this.count++
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= this.bounds[i]) {
        this.counts[i]++
        return
      }
    }
  }
}

interface Series<C> {
  readonly labels: string
  readonly cell: C
}

/** All series of one metric name. */
export class Family<C extends Cell | HistogramCell> {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly #make: () => C
  readonly #series = new Map<string, Series<C>>()

  constructor(name: string, help: string, type: MetricType, make: () => C) {
    this.name = name
    this.help = help
    this.type = type
    this.#make = make
  }

  /** The cell for these label values, made on first use. Keep it rather than look it up per event. */
  with(labels: Labels = {}): C {
    const key = Object.entries(labels)
      .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
      .join(',')
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { labels: key, cell: this.#make() }
      this.#series.set(key, series)
    }
    return series.cell
  }

  render(lines: string[]): void {
    if (this.#series.size === 0) return
    lines.push(`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} ${this.type}`)
    for (const { labels, cell } of this.#series.values()) {
      if (cell instanceof HistogramCell) renderHistogram(lines, this.name, labels, cell)
      else lines.push(`${this.name}${labels === '' ? '' : `{${labels}}`} ${cell.value}`)
    }
  }
}

function renderHistogram(lines: string[], name: string, labels: string, cell: HistogramCell): void {
  const before = labels === '' ? '' : `${labels},`
  let sum = 0
  for (let i = 0; i < cell.bounds.length; i++) {
    sum += cell.counts[i]
    lines.push(`${name}_bucket{${before}le="${cell.bounds[i]}"} ${sum}`)
  }
  const plain = labels === '' ? '' : `{${labels}}`
  lines.push(`${name}_bucket{${before}le="+Inf"} ${cell.count}`, `${name}_sum${plain} ${cell.sum}`)
  lines.push(`${name}_count${plain} ${cell.count}`)
}

/** Backslash, quote and line feed, as the text format 0.0.4 asks. */
function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))
}

/** The metrics of one process part. */
export class Registry {
  readonly #families = new Map<string, Family<Cell> | Family<HistogramCell>>()

  counter(name: string, help: string): Family<Cell> {
    return this.#family(name, help, 'counter', () => new Cell())
  }

  gauge(name: string, help: string): Family<Cell> {
    return this.#family(name, help, 'gauge', () => new Cell())
  }

  histogram(name: string, help: string, bounds: readonly number[]): Family<HistogramCell> {
    return this.#family(name, help, 'histogram', () => new HistogramCell(bounds))
  }

  /** Prometheus text format 0.0.4. */
  render(): string {
    const lines: string[] = []
    for (const family of this.#families.values()) family.render(lines)
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`
  }

  #family<C extends Cell | HistogramCell>(name: string, help: string, type: MetricType, make: () => C): Family<C> {
    const known = this.#families.get(name)
    if (known !== undefined) return known as unknown as Family<C>
    const family = new Family<C>(name, help, type, make)
    this.#families.set(name, family as unknown as Family<Cell>)
    return family
  }
}
