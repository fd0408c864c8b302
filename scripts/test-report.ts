import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'
import { ALLOWED_SKIPS } from '../test/peers/allowed-skips.ts'
import { peerOfSkip } from '../test/peers/peer.ts'

const OUTPUT_KEPT = 20_000

interface Skip {
  readonly name: string
  readonly file: string
  readonly reason: string
}

/** Prints one line for each test file, the failures in full, and at the end what was skipped and the totals. */
export class Report {
  readonly #root: string
  readonly #begun = Date.now()
  readonly #totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 }
  readonly #skips: Skip[] = []
  readonly #failures: string[] = []
  readonly #failed: string[] = []
  readonly #output = new Map<string, string>()
  #bad = false

  constructor(root: string) {
    this.#root = root
  }

  take(event: TestEvent): void {
    switch (event.type) {
      case 'test:pass': {
        const { skip, name, file } = event.data
        if (skip !== undefined && skip !== false)
          this.#skips.push({ name, file: this.#place(file), reason: skip === true ? '' : skip })
        break
      }
      case 'test:fail':
        this.#fail(event.data)
        break
      case 'test:stdout':
      case 'test:stderr': {
        const { file, message } = event.data
        const kept = this.#output.get(file) ?? ''
        if (kept.length < OUTPUT_KEPT) this.#output.set(file, kept + message)
        break
      }
      case 'test:summary':
        this.#summary(event.data)
        break
    }
  }

  /** A file that had not ended in its time, and the processes that were killed for it. */
  stopped(file: string, processes: readonly string[]): void {
    this.#bad = true
    this.#totals.tests++
    this.#totals.fail++
    const title = `✖ ${this.#place(file)} › did not end in its time`
    this.#failed.push(title)
    this.#failures.push([`${title}; killed:`, ...processes].join('\n  '))
    this.#showOutput(file)
  }

  /** Prints the end of the report; tells whether the run is good. */
  close(strict: boolean): boolean {
    for (const failure of this.#failures) console.log(`\n${failure}`)
    const refused = strict ? this.#skips.filter(({ reason }) => !((peerOfSkip(reason) ?? '') in ALLOWED_SKIPS)) : []
    if (this.#skips.length > 0) console.log('\nskipped:')
    for (const skip of this.#skips) {
      const mark = refused.includes(skip) ? '✖' : '-'
      console.log(`${mark} ${skip.file} › ${skip.name}: ${skip.reason === '' ? 'no reason given' : skip.reason}`)
    }
    if (refused.length > 0) {
      console.log(
        `${refused.length} tests may not be skipped here (CI=true); test/peers/allowed-skips.ts lists what may`,
      )
    }
    // Once more by name alone: details may be long, and whoever keeps only the end of the output wants to know them all.
    if (this.#failed.length > 0) console.log(`\nfailed:\n${this.#failed.join('\n')}`)
    console.log('')
    for (const [name, count] of Object.entries(this.#totals)) console.log(`ℹ ${name} ${count}`)
    console.log(`ℹ duration_ms ${Date.now() - this.#begun}`)
    return !this.#bad && refused.length === 0 && this.#totals.tests > 0
  }

  #fail(data: Extract<TestEvent, { type: 'test:fail' }>['data']): void {
    const { todo, name, file } = data
    if (todo !== undefined && todo !== false) {
      this.#skips.push({ name, file: this.#place(file), reason: 'it is marked as still to be done' })
      return
    }
    this.#bad = true
    const { error } = data.details
    // A parent only repeats what its subtests said.
    if ((error as { failureType?: string }).failureType === 'subtestsFailed') return
    const cause = error.cause instanceof Error ? error.cause : error
    const line = data.line === undefined ? '' : `:${data.line}`
    const detail = inspect(cause, { colors: process.stdout.isTTY }).replace(/\n +at .*\(?node:internal.*/g, '')
    const title = `✖ ${this.#place(file)}${line} › ${name}`
    this.#failed.push(title)
    this.#failures.push(`${title}\n${detail}`)
    // A file that failed as a whole has no summary of its own.
    if (file !== undefined && name === file) this.#showOutput(file)
  }

  #summary(data: Extract<TestEvent, { type: 'test:summary' }>['data']): void {
    const { counts, file, success, duration_ms } = data
    if (file === undefined) {
      this.#totals.tests += counts.tests
      this.#totals.suites += counts.suites
      this.#totals.pass += counts.passed
      this.#totals.fail += counts.tests - counts.passed - counts.skipped - counts.todo - counts.cancelled
      this.#totals.cancelled += counts.cancelled
      this.#totals.skipped += counts.skipped
      this.#totals.todo += counts.todo
      if (!success) this.#bad = true
      return
    }
    const seconds = (duration_ms / 1000).toFixed(1)
    console.log(`${success ? '✔' : '✖'} ${this.#place(file)} (${counts.tests} tests, ${seconds} s)`)
    if (!success) this.#showOutput(file)
    this.#output.delete(file)
  }

  #showOutput(file: string): void {
    const output = this.#output.get(file)
    if (output !== undefined) this.#failures.push(`output of ${this.#place(file)}:\n${output}`)
    this.#output.delete(file)
  }

  #place(file: string | undefined): string {
    return file === undefined ? '' : relative(this.#root, file)
  }
}
