export interface WithdrawalRequest {
  /** `f40/cockpit` */
  readonly imageRepository: string;
  /** Key in `releases`. */
  readonly release: string;
  readonly reason: string;
  readonly removeTag: boolean;
  /** Release that floating tags move to which point to it; without it the one that users had before. */
  readonly to?: string | undefined;
  readonly requestedBy: string;
}
