/** Loaded into every thread by --import: data threads tell the longest stalls of their event loop since they were last asked. */
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads'
import { watchDelays } from '../lib/loop-delays.ts'

if (!isMainThread && typeof (workerData as { index?: unknown } | null)?.index === 'number') {
  const delays = watchDelays()
  const questions = new BroadcastChannel('stall-questions')
  const answers = new BroadcastChannel('stall-answers')
  questions.onmessage = () => answers.postMessage(delays())
  // A probe does not keep its thread.
  for (const channel of [questions, answers]) (channel as unknown as { unref(): void }).unref()
}
