// A pad to draw on: strokes by mouse, pen or finger, handed over as a PNG file in base64.

const INK = "#111";

export default function ({ parentElement, data, setTriggerValue }) {
  // Called again at each run of the page, with what the page says then; the drawing stays.
  parentElement.pad ??= new Pad(parentElement.querySelector(".pad"));
  parentElement.pad.show(data, (png) => setTriggerValue("drawn", png));
}

class Pad {
  constructor(root) {
    this.canvas = root.querySelector("canvas");
    this.pen = root.querySelector(".pen input");
    this.undoButton = root.querySelector(".undo");
    this.clearButton = root.querySelector(".clear");
    this.doneButton = root.querySelector(".done");
    this.toolbar = root.querySelector(".tools");
    this.status = root.querySelector("[role=status]");
    this.strokes = [];
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.extend(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => this.end(event));
    }
    root.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") this.undo();
    });
    this.undoButton.addEventListener("click", () => this.undo());
    this.clearButton.addEventListener("click", () => this.clear());
    this.doneButton.addEventListener("click", () => this.handOver());
    this.draw();
  }

  show({ label, action }, handOver) {
    this.label = label;
    this.send = handOver;
    this.toolbar.setAttribute("aria-label", `Tools for ${label}`);
    this.doneButton.textContent = action;
    this.describe();
  }

  begin(event) {
    if (event.button !== 0 || this.pointer !== undefined) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push({ width: Number(this.pen.value), points: [this.place(event)] });
    this.draw();
  }

  extend(event) {
    if (event.pointerId !== this.pointer) return;
    // Between two frames a quick hand is in many places.
    const events = event.getCoalescedEvents?.() ?? [];
    const places = (events.length ? events : [event]).map((each) => this.place(each));
    this.strokes.at(-1).points.push(...places);
    this.draw();
  }

  end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = undefined;
    this.describe();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  undo() {
    this.strokes.pop();
    this.draw();
    this.describe();
  }

  clear() {
    this.strokes = [];
    this.draw();
    this.describe();
  }

  handOver() {
    this.send(this.canvas.toDataURL("image/png").split(",")[1]);
    this.clear();
  }

  draw() {
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    Object.assign(pen, { strokeStyle: INK, lineCap: "round", lineJoin: "round" });
    for (const { width, points } of this.strokes) {
      pen.lineWidth = width;
      pen.beginPath();
      pen.moveTo(...points[0]);
      for (const point of points) pen.lineTo(...point);
      pen.stroke();
    }
    for (const button of [this.undoButton, this.clearButton, this.doneButton]) {
      button.disabled = this.strokes.length === 0;
    }
  }

  describe() {
    const count = this.strokes.length;
    const drawn = count === 0 ? "empty" : count === 1 ? "1 stroke" : `${count} strokes`;
    this.canvas.setAttribute("aria-label", `${this.label}: ${drawn}`);
    this.status.textContent = drawn;
  }
}
