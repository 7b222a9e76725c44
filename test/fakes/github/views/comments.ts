import { associationOf } from "../state/accounts.ts";
import type { Comment, Reaction } from "../state/data.ts";
import { botOf, findPull, repositoryOf, type World } from "../world.ts";
import { appView, nodeId, userView } from "./accounts.ts";
import { rollup } from "./issues.ts";
import { apiOf, pageOf } from "./repositories.ts";

export function commentView(world: World, comment: Comment) {
  const repository = repositoryOf(world, comment.repository);
  const api = apiOf(world, repository);
  const url = `${api}/issues/comments/${comment.id}`;
  const kind = findPull(world, repository, comment.number) ? "pull" : "issues";
  const reactions = world.data.reactions.filter((each) => each.comment === comment.id).map((each) => each.content);
  return {
    url,
    html_url: `${pageOf(world, repository)}/${kind}/${comment.number}#issuecomment-${comment.id}`,
    issue_url: `${api}/issues/${comment.number}`,
    id: comment.id,
    node_id: nodeId("IC", comment.id),
    user: userView(world, comment.author),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    body: comment.body,
    author_association: associationOf(world, repository, comment.author),
    reactions: rollup(`${url}/reactions`, reactions),
    performed_via_github_app: comment.author === botOf(world.app) ? appView(world) : null,
  };
}

export function reactionView(world: World, reaction: Reaction) {
  return {
    id: reaction.id,
    node_id: nodeId("REA", reaction.id),
    user: userView(world, reaction.author),
    content: reaction.content,
    created_at: reaction.at,
  };
}
