import { parentPort } from 'node:worker_threads'
import { type ErrorCode, messageOf, SluiceError } from '../errors.ts'
import { type CompiledModule, compileModuleSync } from './compile.ts'
import type { Limits } from './limits.ts'

export interface CompileRequest {
  readonly id: number
  readonly bytes: Uint8Array
  readonly limits: Partial<Limits>
}

export type CompileAnswer =
  | { readonly id: number; readonly compiled: CompiledModule }
  | { readonly id: number; readonly code: ErrorCode; readonly detail: string }

parentPort?.on('message', ({ id, bytes, limits }: CompileRequest) => {
  let answer: CompileAnswer
  try {
    answer = { id, compiled: compileModuleSync(bytes, limits) }
  } catch (error) {
    answer = { id, code: error instanceof SluiceError ? error.code : 'SL4001', detail: detailOf(error) }
  }
  parentPort?.postMessage(answer)
})

/** What followed the title: the error is made again on the other side. */
function detailOf(error: unknown): string {
  const message = messageOf(error)
  const colon = error instanceof SluiceError ? message.indexOf(': ') : -1
  return colon < 0 ? message : message.slice(colon + 2)
}
