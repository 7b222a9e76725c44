import { addComment, addReaction, deleteComment, editComment } from "../state/comments.ts";
import type { Comment, Issue, Pull, ReactionContent } from "../state/data.ts";
import { commentView, reactionView } from "../views/comments.ts";
import { botOf, findIssue, notFound, Refusal } from "../world.ts";
import { actorOf, type Call, created, type Handlers, ok, page, repositoryOfCall, sorted } from "./call.ts";

export const commentRoutes: Handlers = {
  "issues/list-comments": (call) => {
    const issue = issueOfCall(call);
    const found = listed(call).filter((each) => each.number === issue.number);
    return page(
      call,
      sorted(found, (each) => each.createdAt, "asc"),
      (some) => some.map((each) => commentView(call.world, each)),
    );
  },

  "issues/list-comments-for-repo": (call) => {
    const time = (each: Comment) => (call.query.get("sort") === "updated" ? each.updatedAt : each.createdAt);
    // The direction counts only together with sort; alone, comments come by ascending id.
    const direction = call.query.has("sort") && call.query.get("direction") !== "asc" ? "desc" : "asc";
    return page(call, sorted(listed(call), time, direction), (some) => some.map((each) => commentView(call.world, each)));
  },

  "issues/create-comment": (call) => {
    const { body } = call.body as { readonly body: string };
    return created(commentView(call.world, addComment(call.world, issueOfCall(call), actorOf(call), body)));
  },

  "issues/get-comment": (call) => ok(commentView(call.world, commentOfCall(call))),

  "issues/update-comment": (call) => {
    const comment = ownComment(call);
    editComment(call.world, comment, actorOf(call), (call.body as { readonly body: string }).body);
    return ok(commentView(call.world, comment));
  },

  "issues/delete-comment": (call) => {
    deleteComment(call.world, ownComment(call), actorOf(call));
    return { status: 204 };
  },

  "reactions/create-for-issue-comment": (call) => {
    const { content } = call.body as { readonly content: ReactionContent };
    const { reaction, isNew } = addReaction(call.world, commentOfCall(call), actorOf(call), content);
    return { status: isNew ? 201 : 200, body: reactionView(call.world, reaction) };
  },

  "reactions/list-for-issue-comment": (call) => {
    const comment = commentOfCall(call);
    const content = call.query.get("content");
    const found = call.world.data.reactions.filter((each) => each.comment === comment.id && (content === null || each.content === content));
    return page(call, found, (some) => some.map((each) => reactionView(call.world, each)));
  },

  "reactions/delete-for-issue-comment": (call) => {
    const comment = commentOfCall(call);
    const found = call.world.data.reactions.find((each) => each.id === Number(call.params.reaction_id) && each.comment === comment.id);
    if (!found) throw notFound();
    if (found.author !== actorOf(call)) throw new Refusal(403, "Resource not accessible by integration");
    call.world.data.reactions.splice(call.world.data.reactions.indexOf(found), 1);
    return { status: 204 };
  },
};

/** `since` asks for what was *updated* at or after a time. */
function listed(call: Call): readonly Comment[] {
  const { id } = repositoryOfCall(call);
  const since = Date.parse(call.query.get("since") ?? "1970-01-01T00:00:00Z");
  return [...call.world.data.comments.values()].filter((each) => each.repository === id && Date.parse(each.updatedAt) >= since);
}

function issueOfCall(call: Call): Pull | Issue {
  const found = findIssue(call.world, repositoryOfCall(call).id, Number(call.params.issue_number));
  if (!found) throw notFound();
  return found;
}

function commentOfCall(call: Call): Comment {
  const comment = call.world.data.comments.get(Number(call.params.comment_id));
  if (!comment || comment.repository !== repositoryOfCall(call).id) throw notFound();
  return comment;
}

/** With write permission an App could edit anybody's; an App that does has mixed something up, so it is refused here. */
function ownComment(call: Call): Comment {
  const comment = commentOfCall(call);
  if (comment.author !== botOf(call.world.app)) throw new Refusal(403, "Resource not accessible by integration");
  return comment;
}
