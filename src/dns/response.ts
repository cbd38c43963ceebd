import { DnsError } from "./errors";
import type { Message, Question } from "./message";
import { opcodes } from "./types";

/** Throws unless `message` is a response to our operation. */
export function checkResponse(message: Message, expected: { readonly id: number; readonly opcode: number }): void {
  if (message.id !== expected.id) throw new DnsError({ kind: "wrongId" });
  if (!message.flags.qr || message.flags.opcode !== expected.opcode) throw new DnsError({ kind: "notAResponse" });
}

/**
 * Throws unless the response repeats our question. A server that could not read the question may leave it out together
 * with an error (RFC 1035 section 4.1.1 FORMERR), and any server that of an update (RFC 2136 section 3.8).
 */
export function checkQuestion(message: Message, asked: Question): void {
  const [question, ...more] = message.questions;
  if (question === undefined && (message.rcode !== 0 || message.flags.opcode === opcodes.update)) return;
  const same = question?.name === asked.name && question.type === asked.type && question.class === asked.class;
  if (!same || more.length > 0) throw new DnsError({ kind: "wrongQuestion" });
}
