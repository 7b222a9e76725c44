/**
 * How many promotions may be open, and how many may be opened in an hour: a rebuild of everything must not bury the people who review. What
 * has no place is kept, and proposed by the sweep when there is one.
 */
export interface ProposalPlaces {
  /** Takes a place for a new pull request, or has it already for this build; asked at once by many, no more than allowed get one. */
  take(request: PlaceRequest): Promise<Place>;
  /** Places taken within the last hour. */
  countTaken(): Promise<number>;
  /** Keeps a build that has no place; of one image only the newest build. Kept again, its `attempt` counts up. */
  hold(promotion: Omit<HeldPromotion, "heldAt" | "attempt">): Promise<void>;
  /** Forgets what is kept for an image and is not newer than `builtAt`. */
  forget(imageRepository: string, builtAt: string): Promise<void>;
  /** Oldest first. */
  listHeld(): Promise<readonly HeldPromotion[]>;
}

export type Place = "free" | "namespace-full" | "hour-full";

export interface PlaceRequest {
  readonly build: string;
  readonly imageRepository: string;
  /** Image repositories of the same namespace that have an open promotion. */
  readonly open: readonly string[];
  readonly openPerNamespace: number;
  readonly newPerHour: number;
}

export interface HeldPromotion {
  readonly imageRepository: string;
  readonly build: string;
  /** When the build was asked for, ISO 8601. */
  readonly builtAt: string;
  /** `unreachable`: there was room, and something that is needed did not answer. */
  readonly why: Exclude<Place, "free"> | "unreachable";
  readonly heldAt: string;
  readonly attempt: number;
}

/** Places taken this long ago show in the forge's list of open pull requests. */
export const underWayMs = 5 * 60_000;
export const hourMs = 3_600_000;

/** `f40/cockpit` to `f40`; an image without a namespace has the empty one. Pure. */
export function namespaceOf(imageRepository: string): string {
  return imageRepository.split("/").slice(0, -1).join("/");
}
