import { type Responder, traceOf } from "@granary/messaging";
import { Controller, type Type } from "@nestjs/common";
import { Ctx, MessagePattern, type NatsContext, Payload } from "@nestjs/microservices";

/**
 * A Nest controller with one message handler for each responder. Made from the table of contracts, so that subject,
 * check and answer cannot drift apart.
 */
export function createRequestController(responders: readonly Responder[]): Type<unknown> {
  class RequestController {}
  Controller()(RequestController);
  for (const responder of responders) {
    const answer = (payload: unknown, context: NatsContext) => responder.answer(payload, traceOf(context.getHeaders()));
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
    Ctx()(RequestController.prototype, responder.name, 1);
    MessagePattern(responder.subject)(RequestController.prototype, responder.name, descriptor);
  }
  return RequestController;
}
