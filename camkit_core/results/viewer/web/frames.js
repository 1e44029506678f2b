// Drawing at most once a frame, however often it is asked for; and words a little later.

/** A function that has `act` done in the next frame, once, however often it is called before. */
export function oncePerFrame(act) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      act();
    });
  };
}

/** A function that has `act` done at most once in so many milliseconds, the last call included. */
export function atMostEvery(milliseconds, act) {
  let waiting = 0;
  return () => {
    waiting ||= setTimeout(() => {
      waiting = 0;
      act();
    }, milliseconds);
  };
}
