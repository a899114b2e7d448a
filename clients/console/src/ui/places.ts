/** The view whose map a model's twins stand on. */
export function placeOfModel(model: string | null): "city" | "factory" {
  return model?.includes(":factory:") ? "factory" : "city";
}
