/** A line without axes: the shape of the last minutes. Takes its colour from the element. */
export function sparkline(canvas: HTMLCanvasElement, values: readonly number[], width: number, height: number): void {
  const ratio = Math.min(2, devicePixelRatio);
  if (canvas.width !== width * ratio) {
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const most = Math.max(1, ...values);
  context.beginPath();
  values.forEach((v, i) => {
    const x = (i / Math.max(1, values.length - 1)) * width;
    const y = height - 1.5 - (v / most) * (height - 3);
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 1.25;
  context.stroke();
}
