// Answers to actions, and events, tell of the same thing and may overtake each other.

/**
 * Do something, and show its answer, unless something newer is shown by then: an event has told of
 * it meanwhile. `read()`: what is shown, another object with each news; `act(shown)`; `show(answer)`,
 * which is not called for an answer without an id. Resolves to the answer in any case.
 */
export async function showUnlessNewer(read, act, show) {
  const before = read();
  const answer = await act(before);
  if (answer?.id && read() === before) show(answer);
  return answer;
}
