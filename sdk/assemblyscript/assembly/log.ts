import { LogLevel } from "./enums"
import { proxy_log } from "./host/imports"

/** Writes to the proxy's log. */
export function log(level: LogLevel, message: string): void {
  const text = String.UTF8.encode(message)
  proxy_log(level, changetype<usize>(text), text.byteLength)
}

export function logDebug(message: string): void {
  log(LogLevel.Debug, message)
}

export function logInfo(message: string): void {
  log(LogLevel.Info, message)
}

export function logWarn(message: string): void {
  log(LogLevel.Warn, message)
}

export function logError(message: string): void {
  log(LogLevel.Error, message)
}
