/** Loaded into every thread by --import: data threads tell the longest stall of their event loop since they were last asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads'

if (!isMainThread && typeof (workerData as { index?: unknown } | null)?.index === 'number') {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const questions = new BroadcastChannel('stall-questions')
  const answers = new BroadcastChannel('stall-answers')
  questions.onmessage = () => {
    // The histogram holds whole intervals; the timer's own millisecond is no stall.
    answers.postMessage(Math.max(0, delays.max / 1e6 - 1))
    delays.reset()
  }
  // A probe does not keep its thread.
  for (const channel of [questions, answers]) (channel as unknown as { unref(): void }).unref()
}
