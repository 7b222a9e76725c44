import { z } from "zod";

/** Setting `promotions`: what a rebuild of everything may put before reviewers. What has no room is kept and proposed later. */
export const promotionsSetting = z
  .strictObject({
    openPerNamespace: z
      .number()
      .int()
      .positive()
      .default(50)
      .describe("Promotions of one namespace that may be open before further ones are held back"),
    newPerHour: z
      .number()
      .int()
      .positive()
      .default(100)
      .describe("Promotions that are opened in an hour before further ones are held back"),
  })
  .prefault({})
  .describe(
    "How many promotions flibs proposes by itself; flibs promotions shows what is held back. What a person asks for is never held back",
  );
