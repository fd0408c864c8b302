import { attacks } from './attacks.ts'
import { compression } from './compression.ts'
import { connection } from './connection.ts'
import { frames } from './frames.ts'
import { generic } from './generic.ts'
import { messages } from './messages.ts'

export const CASES = [...generic, ...connection, ...frames, ...messages, ...compression, ...attacks]
