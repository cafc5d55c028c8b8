import "reflect-metadata";
import { StatusController } from "@granary/service-runtime";
import { RequestMethod, type Type } from "@nestjs/common";
import { httpControllers } from "../adapters/http-controllers.js";
import { openApiOf, type Route } from "./document.js";

/** The routes that Nest makes of these controllers, from the same metadata. */
export function routesOf(controllers: readonly Type<unknown>[]): Route[] {
  return controllers.flatMap((controller) => {
    const prefix = Reflect.getMetadata("path", controller) as string;
    return Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
      const handler = controller.prototype[name] as object;
      const method = Reflect.getMetadata("method", handler) as RequestMethod | undefined;
      if (method === undefined) return [];
      const path = `/${prefix}/${Reflect.getMetadata("path", handler) as string}`.replace(/\/+/g, "/");
      return { method: RequestMethod[method] as string, path: path.length > 1 ? path.replace(/\/$/, "") : path };
    });
  });
}

/** The document of the gateway's HTTP face. */
export const openApiDocument = () => openApiOf(routesOf([StatusController, ...httpControllers]));
