import { REQUESTS } from './requests.ts'
import { RESPONSES } from './responses.ts'
import { SYNTAX } from './syntax.ts'

export const CLAUSES = [...SYNTAX, ...REQUESTS, ...RESPONSES]
