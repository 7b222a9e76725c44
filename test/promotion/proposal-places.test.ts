import { proposalPlacesContract } from "../contract/proposal-places.contract.ts";
import { fakeProposalPlaces } from "../fakes/proposal-places.ts";

let at = new Date();
const places = fakeProposalPlaces(() => at);
proposalPlacesContract("places in memory", () => ({
  places,
  setClock: (text) => {
    at = new Date(text);
  },
}));
