/** Name of the status of the check on a promotion's commit. */
export const promotionStatusName = "flibs / promotion";
