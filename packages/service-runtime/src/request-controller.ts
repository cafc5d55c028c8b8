import type { Responder } from "@granary/messaging";
import { Controller, type Type } from "@nestjs/common";
import { MessagePattern, Payload } from "@nestjs/microservices";

/**
 * A Nest controller with one message handler for each responder. Made from the table of contracts, so that subject,
 * check and answer cannot drift apart.
 */
export function createRequestController(responders: readonly Responder[]): Type<unknown> {
  class RequestController {}
  Controller()(RequestController);
  for (const responder of responders) {
    const answer = (payload: unknown) => responder.answer(payload);
    Object.defineProperty(RequestController.prototype, responder.name, {
      value: answer,
      configurable: true,
      writable: true,
    });
    const descriptor = Object.getOwnPropertyDescriptor(
      RequestController.prototype,
      responder.name,
    ) as PropertyDescriptor;
    Payload()(RequestController.prototype, responder.name, 0);
    MessagePattern(responder.subject)(RequestController.prototype, responder.name, descriptor);
  }
  return RequestController;
}
